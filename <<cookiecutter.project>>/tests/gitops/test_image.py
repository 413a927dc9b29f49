"""Images of releases: built once, pushed, and found again by what they say of themselves."""

import json
import os
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from docker import DockerClient

from gitops import build, engine, image, oci
from gitops.image import make, retag
from gitops.oci import Repository
from gitops.settings import Refused
from pipeline import files
from tests.gitops import containers
from tests.gitops.images import OTHER, TREE, about, index, layers, release_of
from tests.serving import bundles

if reason := containers.missing():
    pytest.skip(reason, allow_module_level=True)


class TestOnce:
    def test_its_name_leads_to_its_digest(
        self, client: DockerClient, images_at: str, imaged: Path
    ) -> None:
        made = make(imaged, about())
        found = Repository(images_at).find(TREE[:12])
        assert found
        assert made == f"{images_at}@{found.digest}"
        labels = client.images.pull(f"{images_at}@{found.digest}").labels
        assert labels == {
            image.TREE: TREE,
            "org.opencontainers.image.created": "2026-01-02T03:04:05Z",
            "org.opencontainers.image.revision": "c" * 40,
            "org.opencontainers.image.source": "https://forge.example",
            "org.opencontainers.image.version": TREE[:12],
        }

    def test_a_tree_is_built_once(
        self, images_at: str, imaged: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = make(imaged, about())
        for what in ("build", "push"):
            monkeypatch.delattr(image, what)
        assert make(imaged, about()) == made

    def test_equal_contents_are_equal_layers(
        self, client: DockerClient, images_at: str, imaged: Path, tmp_path: Path
    ) -> None:
        """Whatever the times and modes of the files, and the folder that they lie in."""
        again = release_of(imaged, tmp_path / "again", TREE)
        for path in again.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        made = layers(client, make(imaged, about()))
        Repository(images_at).put(TREE[:12], oci.INDEX, index())
        assert layers(client, make(again, about())) == made

    def test_a_change_of_the_model_is_a_layer(
        self, client: DockerClient, images_at: str, imaged: Path, tmp_path: Path
    ) -> None:
        retrained = tmp_path / "retrained"
        shutil.copytree(imaged, retrained)
        (retrained / files.METRICS).write_text("{}\n")
        bundles.seal(retrained, OTHER)
        one, other = (
            layers(client, make(folder, about(tree)))
            for folder, tree in ((imaged, TREE), (retrained, OTHER))
        )
        differing = [
            place for place, pair in enumerate(zip(one, other, strict=True)) if len(set(pair)) > 1
        ]
        assert differing == [len(one) - 2]  # the last one is the empty folder to work in

    def test_it_holds_what_a_service_opens_and_nothing_else(
        self, client: DockerClient, images_at: str, imaged: Path
    ) -> None:
        (imaged / ".env").write_text("PASSWORD=open-sesame\n")
        (imaged / "gitops").mkdir()
        (imaged / "gitops/deploy.py").touch()
        made = make(imaged, about())
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

    def test_a_base_without_bytecode_is_given_it(
        self, client: DockerClient, imaged: Path, images_at: str
    ) -> None:
        """As official images of Python come: each start would compile what it loads."""
        base = os.environ.get(build.BASE, "")
        if not base:
            pytest.skip(f"{build.BASE} names no base to take the bytecode from")
        bare, given = f"{images_at}:bare", f"{images_at}:library"
        stripped = f"FROM {base}\nRUN find /usr -name '*.pyc' -delete\n"
        client.images.build(fileobj=BytesIO(stripped.encode()), tag=bare, rm=True)
        found = engine.builder(os.environ["PATH"])
        words = [*found.words, "--build-arg", f"BASE={bare}", "--target", "library"]
        subprocess.run(
            [*words, "--file", build.DOCKERFILE, "--tag", given, "."],
            cwd=imaged,
            env=os.environ | found.environment,
            check=True,
            timeout=bundles.SECONDS,
        )
        code = (
            "import asyncio, json, logging, os, sqlite3, ssl, sys\n"
            "specs = [getattr(one, '__spec__', None) for one in sys.modules.values()]\n"
            "loaded = [one.cached for one in specs if one and one.cached]\n"
            "missing = [path for path in loaded if not os.path.exists('/out' + path)]\n"
            "print(json.dumps([len(loaded) > 50, missing]))"
        )
        said = client.containers.run(
            given, ["-c", code], entrypoint="python3", network_mode="none", remove=True
        )
        assert json.loads(said) == [True, []]


class TestTags:
    """Whoever may push can move them."""

    def test_one_that_names_another_tree_is_not_believed(
        self, images_at: str, imaged: Path
    ) -> None:
        made, images = make(imaged, about()), Repository(images_at)
        right = images.manifest(TREE[:12])
        assert right
        images.put(OTHER[:12], right.kind, right.content)
        other = make(imaged, about(OTHER))
        assert other != made
        found = images.find(OTHER[:12])
        assert found
        assert (f"{images_at}@{found.digest}", found.labels[image.TREE]) == (other, OTHER)

    def test_one_that_was_moved_comes_back(self, images_at: str, imaged: Path) -> None:
        made, images = make(imaged, about()), Repository(images_at)
        assert not retag(made, TREE)
        images.put(TREE[:12], oci.INDEX, index())
        assert retag(made, TREE)
        found = images.manifest(TREE[:12])
        assert found
        assert made.endswith(found.digest)

    def test_what_is_gone_can_not_come_back(self, images_at: str) -> None:
        with pytest.raises(Refused, match="not in the image registry any more"):
            retag(f"{images_at}@sha256:{'0' * 64}", TREE)


def test_two_at_once_make_one(images_at: str, imaged: Path) -> None:
    both = threading.Barrier(2)

    def built() -> str:
        both.wait(bundles.SECONDS)
        return make(imaged, about())

    with ThreadPoolExecutor() as pool:
        made = [one.result() for one in (pool.submit(built), pool.submit(built))]
    assert made[0] == made[1]


def test_a_push_that_is_refused_says_who_may() -> None:
    said = image.advised("denied: requested access to the resource is denied", "r.example/flights")
    assert said.endswith("`docker login r.example` as one who may push there")


class TestRepository:
    def test_of_the_project(self, imaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("IMAGE_REPOSITORY", raising=False)
        path = imaged / "pyproject.toml"
        path.write_text('[tool.template]\nimage_repository = "r.example/flights"\n')
        assert image.repository(imaged) == "r.example/flights"

    def test_of_nobody(self, imaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("IMAGE_REPOSITORY", raising=False)
        (imaged / "pyproject.toml").write_text("[tool]\n")
        with pytest.raises(Refused, match=r"image_repository: missing; add it under"):
            image.repository(imaged)
