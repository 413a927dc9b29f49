"""A ground with a domain, on an engine of its own: killed while it is made, and then its engine."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import docker  # type: ignore[import-untyped]
import pytest
from tests.gitops import engines

import trusted
from ground import engine, health, tracking_image
from ground.accounts import Database
from ground.archive import hashes
from ground.backup import KEPT, archived, dump, save
from ground.home import MADE
from ground.settings import read
from grounds import IMAGES, Trial, kill, missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

why = missing() or engines.missing()
pytestmark = pytest.mark.skipif(why is not None, reason=str(why))
PROJECT = "flights"
DISK = 128 * 2**20  # bytes, of which a hundred MB must be free; a ground keeps one
IMAGE = os.environ.get("GROUND_ALERTMANAGER_IMAGE", "")  # a small one
KILLS = int(os.environ.get("INSTANTS", "10"))
SEED = int(os.environ.get("SEED", "6"))
SECONDS = 120  # of an answer


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with a small disk for what is kept."""
    folder = tmp_path_factory.mktemp("ground")
    (folder / "home").mkdir()
    size = f"size={DISK}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder / "home"], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder / "home"], check=True)


@contextmanager
def filled(disk: Path, room: int = 0) -> Iterator[None]:
    """Leave this many bytes on it."""
    file = disk / "home/filler"
    with suppress(OSError), file.open("wb") as opened:  # to the last byte
        opened.write(bytes(shutil.disk_usage(disk / "home").free - room))
    try:
        yield
    finally:
        file.unlink()


@pytest.fixture(scope="module")
def trial(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """Return a ground that is not made yet."""
    etc, domain = tmp_path_factory.mktemp("etc"), f"trial-{os.getpid()}.test"
    found = Trial(disk, f"trial-{os.getpid()}", trusted.within(etc, domain))
    found.change('domain = ""', f'domain = "{domain}"')
    found.change('certificates = "acme"', 'certificates = "internal"')
    port = read(found.file).ports.https
    trusted.believe(etc, f"registry.{domain}:{port}", found.home / "authority.crt")
    return found


@pytest.fixture(scope="module")
def own(trial: Trial) -> Iterator[engines.Engine]:
    """Return an engine that may be killed, with the images of this machine's."""
    tracking = tracking_image.name(read(trial.file))
    here: Any = docker.from_env()
    tracking_image.have(here, read(trial.file))
    wanted = [tracking, *(os.environ[f"GROUND_{name}_IMAGE"] for name in IMAGES)]
    with engines.own(*trial.within) as own, pytest.MonkeyPatch.context() as patch:
        with subprocess.Popen(["docker", "save", *wanted], stdout=subprocess.PIPE) as saved:
            load = ["docker", "--host", own.host, "load", "--quiet"]
            subprocess.run(load, stdin=saved.stdout, check=True, capture_output=True, timeout=300)
        patch.setenv("DOCKER_HOST", own.host)
        yield own


@pytest.fixture
def client(own: engines.Engine) -> Any:
    assert own
    return docker.from_env(timeout=SECONDS)


def test_a_disk_without_room_is_told_before_anything_is_made(
    trial: Trial, disk: Path, client: Any
) -> None:
    with filled(disk, 50 * 2**20):
        said = trial.run("up")
    assert said.returncode == 1
    assert f"{disk}/home: 50 MB are free, and 100 are needed: the disk is full" in said.stderr
    assert len(said.stderr.splitlines()) == 1
    assert not trial.home.exists()
    assert engine.things(client, trial.name) == []


def test_a_disk_that_is_full_meanwhile_is_told_in_a_few_words(trial: Trial, disk: Path) -> None:
    with trial.begun("up", until="planned: ") as (process, _), filled(disk):
        told, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    (error,) = told.split("error: ")[1:]
    assert error.splitlines()[-1].startswith("the disk is full")
    assert len(error.splitlines()) <= 4, error
    assert "Traceback" not in told
    assert {len(word) for word in passwords(trial).values()} == {43}


def passwords(trial: Trial) -> dict[str, str]:
    """Return all of them: what is made once stays."""
    return {name: (trial.home / "passwords" / name).read_text() for name in MADE}


def test_killed_at_any_instant_it_is_made_by_the_next_run(trial: Trial, client: Any) -> None:
    """Each is killed after some of its changes, at an instant that nobody chose."""
    chance = random.Random(SEED)  # noqa: S311
    known = passwords(trial) if trial.home.exists() else {}
    for _ in range(KILLS):
        with trial.begun("up", until=" changes") as (process, planned):
            count = re.search(r"planned: (\d+)", planned)
            for _ in range(chance.randrange(int(count[1])) if count else 0):
                assert process.stdout
                process.stdout.readline()
            time.sleep(chance.uniform(0, 0.5))
            kill(process.pid)
        known = known or passwords(trial)
        assert passwords(trial) == known
        if not count:  # all was made: let there be something to make again
            engine.remove(client.containers.list(filters={"label": f"ground={trial.name}"}))
    said = trial.done("up")
    assert said.count("healthy: ") == 7
    assert passwords(trial) == known
    remembered = trial.terraform("state", "pull")
    assert [one for one in engine.things(client, trial.name) if one.id not in remembered] == []
    assert trial.done("plan").splitlines()[-1] == "nothing changes"


def test_https_is_answered_by_the_own_authority_alone(trial: Trial) -> None:
    trial.done("project", PROJECT)
    given, at = trial.given(PROJECT), trial.outputs()
    assert at["mlflow"].startswith("https://tracking.trial-")
    assert "authority.crt" in given["SSL_CERT_FILE"]
    url = f"{at['mlflow']}/health"
    assert trusted.said(trial, given, trusted.ASK, url) == f"200 {url}"
    given = {key: value for key, value in given.items() if key != "SSL_CERT_FILE"}
    with pytest.raises(AssertionError, match="CERTIFICATE_VERIFY_FAILED"):
        trusted.said(trial, given, trusted.ASK, url)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "model.bin"
    file.write_bytes(random.Random(SEED).randbytes(2**20))  # noqa: S311
    return file


@pytest.fixture(scope="module")
def run_id(trial: Trial, model: Path) -> str:
    return trusted.said(trial, trial.given(PROJECT), trusted.WRITE, str(model))


def is_readable(trial: Trial, run_id: str, model: Path) -> bool:
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    return trusted.said(trial, trial.given(PROJECT), trusted.READ, run_id) == f"0.75 {digest}"


def test_a_run_and_its_artifact_go_there_and_back(trial: Trial, run_id: str, model: Path) -> None:
    assert is_readable(trial, run_id, model)


def test_the_store_is_written_by_a_project(trial: Trial) -> None:
    name = trusted.said(trial, trial.given(PROJECT), trusted.PUT, PROJECT)
    assert name == "kept"


@pytest.fixture(scope="module")
def pushed(trial: Trial, own: engines.Engine) -> str:
    """Return an image by its digest, pushed as a project's."""
    client: Any = docker.DockerClient(base_url=own.host, timeout=SECONDS)
    repository = f"{trial.given(PROJECT)['IMAGE_REPOSITORY']}/one"
    client.images.get(IMAGE).tag(repository, "1")
    said = {"auth_config": trusted.signed_in(trial.given(PROJECT)), "stream": True, "decode": True}
    told = client.images.push(repository, "1", **said)
    (digest,) = [line["aux"]["Digest"] for line in told if "aux" in line]
    client.images.remove(f"{repository}:1")
    return f"{repository}@{digest}"


def is_pulled(client: Any, trial: Trial, pushed: str) -> bool:
    pulled = client.images.pull(pushed, auth_config=trusted.signed_in(trial.given(PROJECT)))
    client.images.remove(pushed)
    return bool(pulled.id == client.images.get(IMAGE).id)


def test_an_image_is_pushed_and_pulled(client: Any, trial: Trial, pushed: str) -> None:
    assert is_pulled(client, trial, pushed)


def kept(client: Any, trial: Trial, folder: Path) -> dict[str, dict[str, str]]:
    """Return a hash of each table's rows, of each file of the store and of the registry."""
    told = read(trial.file)
    found = {"database": dump(client, told, folder / "dump")}
    for name in KEPT:
        save(folder / "files", archived(client, told, name))
        with (folder / "files").open("rb") as opened:
            found[name] = hashes(opened)
    return found


@pytest.mark.parametrize("how", ["ended", "crashed"])
def test_an_engine_comes_back_with_all_that_is_kept(
    trial: Trial,
    own: engines.Engine,
    client: Any,
    run_id: str,
    model: Path,
    pushed: str,
    tmp_path: Path,
    how: str,
) -> None:
    rows = "SELECT n, md5(n::text) FROM generate_series(1, 1000) AS n"
    rows = f"CREATE TABLE {how} AS {rows}"
    Database(client, trial.name).run(rows, PROJECT)
    before = kept(client, trial, tmp_path)
    assert before["database"][f"{PROJECT}: public.{how}"]
    assert len(before["store"]) > 2
    assert len(before["registry"]) > 5
    own.end() if how == "ended" else own.crash()
    own.start()
    health.wait(client, trial.name, lambda _: None)
    assert kept(client, trial, tmp_path) == before
    assert "nothing changes" in trial.done("up")
    assert is_readable(trial, run_id, model)
    assert is_pulled(client, trial, pushed)
