"""Images of releases: real builds, in real registries, run by a real engine."""

import base64
import contextlib
import io
import json
import shutil
import tarfile
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from gitops import engine, image, oci, referrers, sbom
from gitops.image import About, make, retag
from gitops.oci import Repository
from gitops.settings import Refused
from gitops.targets import hub
from pipeline import files
from tests.gitops import containers, registries
from tests.gitops.registries import Registry, registry
from tests.projects import ROOT
from tests.serving import bundles
from tests.serving.bundles import until

if reason := containers.missing() or registries.missing():
    pytest.skip(reason, allow_module_level=True)

TREE, OTHER = "a" * 40, "b" * 40
MEGABYTE = 1_000_000  # an image has a hundred


def about(tree: str = TREE) -> About:
    return About(tree, "c" * 40, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "https://forge.example")


@pytest.fixture(scope="module")
def client() -> Iterator[DockerClient]:
    found = engine.connect()
    yield found
    found.close()


@pytest.fixture(scope="module")
def own(client: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that goes down; the first image there is pushed whole, which takes a while."""
    with registry(tmp_path_factory.mktemp("registry") / "files") as found:
        yield found
    forget(client, f"{found.address}/flights")


@pytest.fixture
def release(bundle: Path, tmp_path: Path) -> Path:
    return release_of(bundle, tmp_path / "release", TREE)


@pytest.fixture
def name(client: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A repository that nobody else has, where the layers of others are known."""
    hub.up(client, containers.REPOSITORY)
    found = f"{containers.REPOSITORY}/{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("IMAGE_REPOSITORY", found)
    yield found
    forget(client, found)


def forget(client: DockerClient, repository: str) -> None:
    """Remove a test's images from the engine, which keeps what they share with others."""
    for found in client.images.list(name=repository):
        client.images.remove(found.id, force=True)


def release_of(bundle: Path, folder: Path, tree: str) -> Path:
    bundles.copy_of(bundle, folder, tree)
    shutil.copy(ROOT / ".dockerignore", folder)
    return folder


def layers(client: DockerClient, made: str) -> list[str]:
    found: list[str] = client.images.get(made).attrs["RootFS"]["Layers"]
    return found


@contextlib.contextmanager
def running(client: DockerClient, made: str, **options: Any) -> Iterator[Any]:
    """A container as hardened as it can be, with nothing but the image's own start."""
    found = client.containers.run(
        made,
        ["--environment", "dev", "--number", "1"],
        detach=True,
        init=True,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        tmpfs={"/tmp": "size=16m"},  # noqa: S108
        network_mode="none",
        **options,
    )
    try:
        yield found
    finally:
        found.remove(force=True, v=True)


def ended(container: Any) -> int:
    code: int = container.wait(timeout=bundles.SECONDS)["StatusCode"]
    return code


def health(container: Any) -> str:
    container.reload()
    found: str = container.attrs["State"]["Health"]["Status"]
    return found


class TestOnce:
    def test_its_name_leads_to_its_digest(
        self, client: DockerClient, name: str, release: Path
    ) -> None:
        made = make(release, about())
        found = Repository(name).find(TREE[:12])
        assert found
        assert made == f"{name}@{found.digest}"
        labels = client.images.pull(f"{name}@{found.digest}").labels
        assert labels == {
            image.TREE: TREE,
            "org.opencontainers.image.created": "2026-01-02T03:04:05Z",
            "org.opencontainers.image.revision": "c" * 40,
            "org.opencontainers.image.source": "https://forge.example",
            "org.opencontainers.image.version": TREE[:12],
        }

    def test_a_tree_is_built_once(
        self, name: str, release: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = make(release, about())
        for what in ("build", "push"):
            monkeypatch.delattr(image, what)
        assert make(release, about()) == made

    def test_equal_contents_are_equal_layers(
        self, client: DockerClient, name: str, release: Path, tmp_path: Path
    ) -> None:
        """Whatever the times and modes of the files, and the folder that they lie in."""
        again = release_of(release, tmp_path / "again", TREE)
        for path in again.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        made = layers(client, make(release, about()))
        Repository(name).put(TREE[:12], oci.INDEX, index())
        assert layers(client, make(again, about())) == made

    def test_a_change_of_the_model_is_a_layer(
        self, client: DockerClient, name: str, release: Path, tmp_path: Path
    ) -> None:
        retrained = tmp_path / "retrained"
        shutil.copytree(release, retrained)
        (retrained / files.METRICS).write_text("{}\n")
        bundles.seal(retrained, OTHER)
        one, other = (
            layers(client, make(folder, about(tree)))
            for folder, tree in ((release, TREE), (retrained, OTHER))
        )
        differing = [
            place for place, pair in enumerate(zip(one, other, strict=True)) if len(set(pair)) > 1
        ]
        assert differing == [len(one) - 2]  # the last one is the empty folder to work in

    def test_it_holds_what_a_service_opens_and_nothing_else(
        self, client: DockerClient, name: str, release: Path
    ) -> None:
        (release / ".env").write_text("PASSWORD=open-sesame\n")
        (release / "gitops").mkdir()
        (release / "gitops/deploy.py").touch()
        made = make(release, about())
        code = (
            "import os, json, sys; "
            "print(json.dumps([sorted(os.listdir('.')), sorted(os.listdir('reports')), "
            "os.path.exists('serving/__pycache__/app.cpython-%d%d.pyc' % sys.version_info[:2]), "
            "[name for name in ('pip', 'setuptools', 'pandas', 'polars', 'pandera', 'pydantic') "
            "if __import__('importlib.util').util.find_spec(name)]]))"
        )
        said = client.containers.run(
            made,
            ["-c", code],
            entrypoint="/packages/bin/python",
            network_mode="none",
            remove=True,
        )
        names = ["environments", "models", "pipeline", "pyproject.toml", "release.json"]
        reports = sorted(path.name for path in bundles.OTHERS)
        assert json.loads(said) == [[*names, "reports", "serving"], reports, True, []]


def index() -> bytes:
    """A name that stands for nothing of ours."""
    return referrers.encoded({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": []})


class TestPackages:
    def test_are_listed_beside_the_image_and_in_the_registry(
        self, name: str, release: Path
    ) -> None:
        digest = make(release, about()).partition("@")[2]
        make(release, about())
        (attached,) = referrers.attached(Repository(name), digest, sbom.KIND)
        assert attached == (release / sbom.NAME).read_bytes()
        told = json.loads(attached)
        assert told["bomFormat"] == "CycloneDX"
        assert {"onnxruntime", "numpy"} <= {one["name"] for one in told["components"]}

    def test_of_no_image(self, name: str) -> None:
        with pytest.raises(Refused, match="not in the image registry"):
            referrers.attach(Repository(name), f"sha256:{'0' * 64}", sbom.KIND, sbom.NAME, b"{}")


class TestRunning:
    def test_it_needs_no_root_no_shell_and_no_file_to_write(
        self, client: DockerClient, name: str, release: Path
    ) -> None:
        made = make(release, about())
        shells = {
            "/dev/null": {"bind": "/bin/sh", "mode": "ro"},
            "/dev/zero": {"bind": "/bin/bash", "mode": "ro"},
        }
        with running(client, made, volumes=shells) as container:
            until(lambda: health(container) != "starting")
            assert health(container) == "healthy", container.logs()
            words = ["/packages/bin/python", "-c", "import os; print(os.getuid())"]
            assert int(container.exec_run(words).output) > 0
            with pytest.raises(engine.FAILED[0], match=r"denied|not found|permission|format"):
                raised(container.exec_run(["/bin/sh", "-c", "true"]))

    def test_a_model_that_was_tampered_with_is_never_ready(
        self, client: DockerClient, name: str, release: Path
    ) -> None:
        model = release / files.ONNX
        model.write_bytes(model.read_bytes()[:-1] + b"\0")
        with running(client, make(release, about())) as container:
            assert ended(container) != 0
            said = container.logs().decode()
        assert "model.onnx: not the file of this release" in said

    def test_another_model_than_the_releases_is_never_switched_in(
        self, name: str, release: Path, tmp_path: Path
    ) -> None:
        """Whole in itself, and of this tree as it says."""
        other = tmp_path / "other"
        shutil.copytree(release, other)
        (other / files.TEXT).write_text("another\n")
        bundles.seal(other, TREE)
        made = make(other, about())
        with containers.target(tmp_path / "home") as target:
            with pytest.raises(Refused, match=r"its files is .*, not "):
                containers.deploy(target, 1, release, made)
            assert target.running() is None
            assert containers.numbers(target) == []


def raised(done: Any) -> None:
    """What an engine says of a command that can't be run: newer ones say so by its exit code."""
    if done.exit_code:
        raise engine.FAILED[0](done.output.decode() or "permission denied")


class TestTags:
    """Whoever may push can move them."""

    def test_one_that_names_another_tree_is_not_believed(self, name: str, release: Path) -> None:
        made, images = make(release, about()), Repository(name)
        right = images.manifest(TREE[:12])
        assert right
        images.put(OTHER[:12], right.kind, right.content)
        other = make(release, about(OTHER))
        assert other != made
        found = images.find(OTHER[:12])
        assert found
        assert (f"{name}@{found.digest}", found.labels[image.TREE]) == (other, OTHER)

    def test_one_that_was_moved_comes_back(self, name: str, release: Path) -> None:
        made, images = make(release, about()), Repository(name)
        assert not retag(made, TREE)
        images.put(TREE[:12], oci.INDEX, index())
        assert retag(made, TREE)
        found = images.manifest(TREE[:12])
        assert found
        assert made.endswith(found.digest)

    def test_what_is_gone_can_not_come_back(self, name: str) -> None:
        with pytest.raises(Refused, match="not in the image registry any more"):
            retag(f"{name}@sha256:{'0' * 64}", TREE)


class TestAgain:
    """What failed goes on, run again."""

    @pytest.fixture(autouse=True)
    def images(self, own: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("IMAGE_REPOSITORY", f"{own.address}/flights")

    def test_an_image_is_pushed_by_half(
        self, client: DockerClient, own: Registry, release: Path
    ) -> None:
        with ThreadPoolExecutor() as pool:
            first = pool.submit(make, release, about())
            until(lambda: own.stored > MEGABYTE or first.done())
            own.down()
            partial = own.stored
            own.up()
            # The engine tries again by itself, for a while.
            assert first.exception() is None or isinstance(first.exception(), Refused)
        made = make(release, about())
        assert own.stored > partial
        client.images.remove(made, force=True)
        client.images.pull(made)

    def test_the_registry_is_down(self, own: Registry, release: Path) -> None:
        own.down()
        with pytest.raises(Refused, match=r"does not answer \(ConnectionError\); start it"):
            make(release, about(OTHER))
        own.up()
        assert make(release, about(OTHER)).startswith(f"{own.address}/flights@sha256:")


def test_two_at_once_make_one(name: str, release: Path) -> None:
    both = threading.Barrier(2)

    def built() -> str:
        both.wait(bundles.SECONDS)
        return make(release, about())

    with ThreadPoolExecutor() as pool:
        made = [one.result() for one in (pool.submit(built), pool.submit(built))]
    assert made[0] == made[1]


class TestLogin:
    @pytest.fixture
    def locked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
        with registry(tmp_path / "registry", locked=True) as found:
            monkeypatch.setenv("HOME", str(tmp_path))
            monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / ".docker"))
            yield found

    def login(self, locked: Registry, home: Path, password: str) -> None:
        said = base64.b64encode(f"ada:{password}".encode()).decode()
        (home / ".docker").mkdir()
        settings = {"auths": {locked.address: {"auth": said}}}
        (home / ".docker/config.json").write_text(json.dumps(settings))

    def pushed(self, locked: Registry) -> str:
        """An image without files, and its tag's digest as the registry tells it."""
        name = f"{locked.address}/flights"
        with io.BytesIO() as empty, contextlib.closing(engine.connect()) as client:
            tarfile.open(fileobj=empty, mode="w").close()
            client.api.import_image_from_data(empty.getvalue(), repository=name, tag="empty")
            try:
                made = image.push(client, name, "empty")
            finally:
                client.images.remove(f"{name}:empty", force=True)
        found = Repository(name).find("empty")
        assert found
        assert found.digest == made
        return made

    def test_nobody(self, locked: Registry) -> None:
        with pytest.raises(Refused, match=f"`docker login {locked.address}`"):
            Repository(f"{locked.address}/flights").find("empty")
        with pytest.raises(Refused, match=f"not pushed: .*`docker login {locked.address}`"):
            self.pushed(locked)

    def test_a_wrong_password(self, locked: Registry, tmp_path: Path) -> None:
        self.login(locked, tmp_path, "close-sesame")
        with pytest.raises(Refused, match=f"`docker login {locked.address}`") as refused:
            Repository(f"{locked.address}/flights").find("empty")
        assert "sesame" not in str(refused.value)
        with pytest.raises(Refused, match=f"not pushed: .*`docker login {locked.address}`"):
            self.pushed(locked)

    def test_ada(self, locked: Registry, tmp_path: Path) -> None:
        self.login(locked, tmp_path, "open-sesame")
        digest = self.pushed(locked)
        images = Repository(f"{locked.address}/flights")
        referrers.attach(images, digest, sbom.KIND, sbom.NAME, b"{}")
        assert referrers.attached(images, digest, sbom.KIND) == [b"{}"]


def test_a_push_that_is_refused_says_who_may() -> None:
    said = image.advised("denied: requested access to the resource is denied", "r.example/flights")
    assert said.endswith("`docker login r.example` as one who may push there")


class TestRepository:
    def test_of_the_project(self, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("IMAGE_REPOSITORY", raising=False)
        path = release / "pyproject.toml"
        path.write_text('[tool.template]\nimage_repository = "r.example/flights"\n')
        assert image.repository(release) == "r.example/flights"

    def test_of_nobody(self, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("IMAGE_REPOSITORY", raising=False)
        (release / "pyproject.toml").write_text("[tool]\n")
        with pytest.raises(Refused, match=r"image_repository: missing; add it under"):
            image.repository(release)
