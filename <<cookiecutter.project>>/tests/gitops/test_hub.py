"""A registry for a rehearsal: one that answers is taken, else one is started and kept."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops import engine
from gitops.environment import PINNED
from gitops.settings import Refused
from gitops.targets import hub
from tests.gitops import containers, registries
from tests.gitops.registries import Registry
from tests.serving.bundles import SECONDS, free_port

pytestmark = [
    pytest.mark.skipif(bool(reason := containers.missing()), reason=str(reason)),
    pytest.mark.skipif(bool(lacking := registries.missing()), reason=str(lacking)),
]

SETTINGS = """version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000"}
"""


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The registry that is installed here, with the libraries that it is linked with."""
    program = Path("/usr/bin", registries.PROGRAM)
    said = subprocess.run(
        ["ldd", str(program)], capture_output=True, text=True, check=True, timeout=SECONDS
    ).stdout
    libraries = [word for word in said.split() if word.startswith("/")]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as archive:
        for path in {str(program), *libraries}:
            archive.add(path)
        about = tarfile.TarInfo("settings.yml")
        about.size = len(SETTINGS)
        archive.addfile(about, io.BytesIO(SETTINGS.encode()))
    name = f"{containers.name()}:registry"
    words = f'ENTRYPOINT ["{program}", "serve", "/settings.yml"]'
    client = engine.connect()
    client.api.import_image_from_data(packed.getvalue(), *name.split(":"), changes=[words])
    yield name
    client.images.remove(name, force=True)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A name for its container that no rehearsal has."""
    name = containers.name()
    monkeypatch.setattr(hub, "NAME", name)
    yield name
    client = engine.connect()
    for one in client.containers.list(all=True, filters={"name": name}):
        one.remove(force=True)
    for volume in client.volumes.list(filters={"name": name}):
        volume.remove()


def test_one_that_answers_is_taken(tmp_path: Path, named: str) -> None:
    registry = Registry(tmp_path)
    registry.up()
    try:
        hub.up(engine.connect(), f"{registry.address}/flights")
    finally:
        registry.down()

    assert engine.connect().containers.list(all=True, filters={"name": named}) == []


def test_one_is_started_where_none_answers(
    image: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_IMAGE", image)
    address = f"localhost:{free_port()}"
    client = engine.connect()

    hub.up(client, f"{address}/flights")

    assert hub.answers(address)
    client.containers.get(named).kill()
    hub.up(client, f"{address}/flights")
    assert hub.answers(address)


def test_what_is_elsewhere_is_nobody_s_to_start(named: str) -> None:
    hub.up(engine.connect(), "registry.invalid/flights")

    assert engine.connect().containers.list(all=True, filters={"name": named}) == []


def test_an_image_that_can_not_be_had_is_named(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_IMAGE", "localhost:1/registry:3")

    with pytest.raises(Refused, match=r"localhost:1/registry:3: can't be pulled"):
        hub.up(engine.connect(), f"localhost:{free_port()}/flights")


def test_the_image_is_pinned() -> None:
    assert PINNED.fullmatch(hub.IMAGE)
