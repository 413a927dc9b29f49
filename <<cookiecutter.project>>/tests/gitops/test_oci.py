"""An image registry that goes down, comes up again, and asks who one is."""

import base64
import contextlib
import io
import json
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker import DockerClient

from gitops import engine, image, referrers, sbom
from gitops.image import make
from gitops.oci import Repository
from gitops.settings import Refused
from tests.gitops import containers, registries
from tests.gitops.images import OTHER, about, forget
from tests.gitops.registries import Registry, registry
from tests.serving.bundles import until

MEGABYTE = 1_000_000  # an image has a hundred

if reason := containers.missing() or registries.missing():
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(scope="module")
def own(client: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that goes down; the first image there is pushed whole, which takes a while."""
    with registry(tmp_path_factory.mktemp("registry") / "files") as found:
        yield found
    forget(client, f"{found.address}/flights")


class TestAgain:
    """What failed goes on, run again."""

    @pytest.fixture(autouse=True)
    def images(self, own: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("IMAGE_REPOSITORY", f"{own.address}/flights")

    def test_an_image_is_pushed_by_half(
        self, client: DockerClient, own: Registry, imaged: Path
    ) -> None:
        with ThreadPoolExecutor() as pool:
            first = pool.submit(make, imaged, about())
            until(lambda: own.stored > MEGABYTE or first.done())
            own.down()
            partial = own.stored
            own.up()
            # The engine tries again by itself, for a while.
            assert first.exception() is None or isinstance(first.exception(), Refused)
        made = make(imaged, about())
        assert own.stored > partial
        client.images.remove(made, force=True)
        client.images.pull(made)

    def test_the_registry_is_down(self, own: Registry, imaged: Path) -> None:
        own.down()
        with pytest.raises(Refused, match=r"does not answer \(ConnectionError\); start it"):
            make(imaged, about(OTHER))
        own.up()
        assert make(imaged, about(OTHER)).startswith(f"{own.address}/flights@sha256:")


class TestLogin:
    @pytest.fixture
    def locked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
        with registry(tmp_path / "registry", locked=True) as found:
            monkeypatch.setenv("HOME", str(tmp_path))
            monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "logins"))
            yield found

    def login(self, locked: Registry, home: Path, password: str) -> None:
        said = base64.b64encode(f"ada:{password}".encode()).decode()
        (home / "logins").mkdir()
        settings = {"auths": {locked.address: {"auth": said}}}
        (home / "logins/config.json").write_text(json.dumps(settings))

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

    @pytest.mark.filterwarnings("ignore:docker-credential-nowhere not installed")
    def test_a_login_that_is_kept_by_a_program_which_is_not_there(
        self, locked: Registry, tmp_path: Path
    ) -> None:
        (tmp_path / "logins").mkdir()
        (tmp_path / "logins/config.json").write_text('{"credsStore": "nowhere"}')
        with pytest.raises(Refused, match=r"no login can be read: .*; see DOCKER_CONFIG"):
            Repository(f"{locked.address}/flights")

    def test_ada(self, locked: Registry, tmp_path: Path) -> None:
        self.login(locked, tmp_path, "open-sesame")
        digest = self.pushed(locked)
        images = Repository(f"{locked.address}/flights")
        referrers.attach(images, digest, sbom.KIND, sbom.NAME, b"{}")
        assert referrers.attached(images, digest, sbom.KIND) == [b"{}"]
