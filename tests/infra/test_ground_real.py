"""A ground for real: made by terraform on an engine, used, refused, saved, destroyed, restored."""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker  # type: ignore[import-untyped]
import pytest

from ground import health
from ground.accounts import Database, Tracking
from ground.settings import Refused
from ground.signed import Store
from grounds import Trial, missing, things

if TYPE_CHECKING:
    from collections.abc import Iterator

why = missing()
pytestmark = pytest.mark.skipif(why is not None, reason=str(why))
PROJECT = "flights"
ASK = """
import socket, sys
for name, at, port in eval(sys.argv[1]):
    try:
        socket.create_connection((at, port), timeout=1).close()
        print(name, at)
    except OSError:
        pass
print("asked")
"""


@pytest.fixture(scope="module")
def before() -> dict[str, set[str]]:
    return things()


@pytest.fixture(scope="module")
def trial(before: dict[str, set[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Return a ground that is up, with one project; whatever happens, it goes."""
    assert before
    found = Trial(tmp_path_factory.mktemp("ground"), f"trial-{os.getpid()}")
    said = found.run("up")
    try:
        assert said.returncode == 0, said.stdout + said.stderr
        (found.folder / "up.log").write_text(said.stdout + said.stderr)
        found.done("project", PROJECT)
        yield found
    finally:
        if found.home.exists():
            found.run("destroy", "--force")


@pytest.fixture(scope="module")
def client() -> Any:
    return docker.from_env()


def status(url: str, method: str = "GET", user: str = "", body: bytes | None = None) -> int:
    """Return an answer's status."""
    signed = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}
    headers = {"Content-Type": "application/json", **signed}
    request = urllib.request.Request(url, method=method, data=body, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def store(given: dict[str, str]) -> Store:
    return Store(
        given["AWS_ENDPOINT_URL"], given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"]
    )


def test_the_five_lines_and_all_addresses_are_shown(trial: Trial) -> None:
    said = (trial.folder / "up.log").read_text()
    assert said.count("healthy: ") == 7
    for address in trial.outputs().values():
        assert address in said
    assert said.split("with five lines")[1].count("\n  ") == 5


def test_a_second_plan_changes_nothing(trial: Trial) -> None:
    said = trial.run("plan")
    assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "nothing changes")


def test_what_is_removed_or_stopped_by_hand_is_shown_and_mended(trial: Trial, client: Any) -> None:
    client.containers.get(f"{trial.name}-registry").remove(force=True)
    said = trial.run("plan")
    assert said.returncode == 2
    assert f"made: container {trial.name}-registry" in said.stdout
    assert said.stdout.count("container") == 1
    trial.done("up")
    assert status(f"http://{trial.outputs()['registry']}/v2/") == 401


@pytest.mark.parametrize("name", ["mlflow", "prometheus", "alertmanager", "store", "registry"])
def test_without_credentials_nobody_writes(trial: Trial, name: str) -> None:
    at = trial.outputs()[name]
    asked = {
        "mlflow": (f"{at}/api/2.0/mlflow/experiments/create", "POST", b'{"name": "x"}'),
        "prometheus": (f"{at}/api/v1/query?query=up", "GET", None),
        "alertmanager": (f"{at}/api/v2/silences", "POST", b"{}"),
        "store": (f"{at}/{PROJECT}/x", "PUT", b"x"),
        "registry": (f"http://{at}/v2/{PROJECT}/blobs/uploads/", "POST", b""),
    }[name]
    url, method, body = asked
    assert status(url, method, body=body) in (401, 403)
    assert status(url, method, user="root:root", body=body) in (400, 401, 403)


def test_a_project_writes_where_it_may_and_nowhere_else(trial: Trial, client: Any) -> None:
    given = trial.given(PROJECT)
    own = store(given)
    own.ask("PUT", f"/{PROJECT}/a", body=b"kept")
    assert own.ask("GET", f"/{PROJECT}/a") == (200, b"kept")
    with pytest.raises(Refused, match="403"):
        own.ask("PUT", "/mlflow/a", body=b"x")
    tracking = Tracking(given["MLFLOW_TRACKING_URI"], PROJECT, given["MLFLOW_TRACKING_PASSWORD"])
    assert tracking.ask("POST", "experiments/create", {"name": PROJECT})["experiment_id"] == "1"
    with pytest.raises(Refused, match="403"):
        tracking.ask("POST", "users/create", {"username": "x", "password": "x" * 20})
    answer = f"http://{trial.outputs()['registry']}/v2/{PROJECT}/blobs/uploads/"
    auths = json.loads(Path(given["DOCKER_CONFIG"], "config.json").read_text())["auths"]
    (signed,) = (base64.b64decode(one["auth"]).decode() for one in auths.values())
    assert status(answer, "POST", signed, b"") == 202
    rows = "CREATE TABLE kept AS SELECT generate_series(1, 100) AS n; SELECT sum(n) FROM kept"
    assert query(client, trial, given["PREDICTION_LOG_URL"], rows) == (0, "5050")
    theirs = given["PREDICTION_LOG_URL"].removesuffix(PROJECT) + "mlflow"
    assert query(client, trial, theirs, "SELECT 1")[0] != 0


def query(client: Any, trial: Trial, url: str, sql: str) -> tuple[int, str]:
    """Ask the database from the network that a project's containers are on."""
    container = client.containers.create(
        os.environ["GROUND_DATABASE_IMAGE"],
        ["psql", url, "-qAtc", sql],
        network=trial.outputs()["network"],
    )
    try:
        container.start()
        code = container.wait(timeout=60)["StatusCode"]
        return code, container.logs(stderr=False).decode().strip()
    finally:
        container.remove(force=True)


def test_no_application_is_superuser(trial: Trial, client: Any) -> None:
    roles = Database(client, trial.name).run(
        "SELECT rolname FROM pg_roles WHERE rolcanlogin AND "
        "(rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
    )
    assert roles == "postgres"


def test_only_the_gateway_is_published_and_on_this_machine_alone(trial: Trial, client: Any) -> None:
    published = {}
    for one in health.services(client, trial.name):
        bound = [port for ports in one.ports.values() for port in ports or []]
        if bound:
            published[one.name] = {port["HostIp"] for port in bound}
    assert published == {f"{trial.name}-gateway": {"127.0.0.1"}}


def test_from_another_network_nobody_answers(trial: Trial, client: Any) -> None:
    """Each is asked at its own number, from a container that is on no network of theirs."""
    ports = {"database": 5432, "store": 7070, "tracking": 5000, "registry": 5000}
    ports |= {"prometheus": 9090, "alertmanager": 9093, "gateway": 2019}
    told = []
    for name, port in ports.items():
        about = client.containers.get(f"{trial.name}-{name}").attrs["NetworkSettings"]["Networks"]
        told += [(name, one["IPAddress"], port) for one in about.values()]
    # An engine takes its rules away for milliseconds while somebody else makes a network: whoever
    # answers is asked again, a second later, and answers always where nothing keeps them apart.
    answered = told
    for _ in range(3):
        words = ["python3", "-c", ASK, repr(answered)]
        said = client.containers.run(os.environ["IMAGE_BASE"], words, remove=True).decode()
        assert said.endswith("asked\n")
        answered = [one for one in answered if f"{one[0]} {one[1]}\n" in said]
    assert answered == []


def test_every_container_is_without_rights(trial: Trial, client: Any) -> None:
    for one in health.services(client, trial.name):
        host = one.attrs["HostConfig"]
        assert host["CapDrop"] == ["ALL"], one.name
        assert host["ReadonlyRootfs"], one.name
        assert host["SecurityOpt"] == ["no-new-privileges"], one.name
        said = one.exec_run(["id", "-u"]).output.decode().strip()
        assert int(said) > 0, one.name
        assert one.exec_run(["sh", "-c", "echo x > /ground/x"]).exit_code != 0, one.name


def test_prometheus_sees_all_and_holds_the_rules(trial: Trial) -> None:
    at = trial.outputs()["prometheus"]
    user = f"ground:{(trial.home / 'passwords/observation').read_text()}"
    assert status(f"{at}/-/healthy", user=user) == 200
    signed = base64.b64encode(user.encode()).decode()

    def ask(path: str) -> Any:
        request = urllib.request.Request(  # noqa: S310
            f"{at}/api/v1/{path}", headers={"Authorization": f"Basic {signed}"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.load(response)["data"]

    targets = {one["labels"]["job"]: one["health"] for one in ask("targets")["activeTargets"]}
    assert set(targets) == {"prometheus", "alertmanager", "registry", "gateway"}
    (group,) = ask("rules")["groups"]
    assert {rule["health"] for rule in group["rules"]} <= {"ok", "unknown"}
    assert len(group["rules"]) == 7


def test_no_secret_is_told(trial: Trial, client: Any) -> None:
    secrets = trial.secrets()
    assert len(secrets) >= 12
    words = [one.read_text(errors="replace") for one in trial.home.glob("stack/**/*.json")]
    words += [trial.home.joinpath("terraform.tfstate").read_text()]
    words += [(trial.folder / "up.log").read_text(), (trial.home / "outputs.json").read_text()]
    words.append(trial.terraform("show", "-json", str(trial.home / "plan")))
    words.append((trial.home / "plan").read_bytes().decode("latin-1"))
    for one in client.containers.list(all=True, filters={"label": f"ground={trial.name}"}):
        words += [one.logs().decode(errors="replace"), json.dumps(one.attrs)]
    assert len(words) > 15
    for text in words:
        assert [name for name, secret in secrets.items() if secret in text] == []


def test_only_its_owner_reads_what_it_keeps(trial: Trial) -> None:
    for path in [trial.home, *trial.home.glob("**/*")]:
        # terraform sets the modes of these itself; they name providers, and their folder is closed.
        if "providers" not in path.parts and path.name != ".terraform.lock.hcl":
            assert not path.stat().st_mode & 0o077, path


def test_what_is_stored_is_not_destroyed_by_mistake(trial: Trial) -> None:
    said = trial.run("destroy", given=f"{trial.name}\n")
    assert said.returncode == 1
    assert f"objects in the bucket {PROJECT}" in said.stderr
    assert "FORCE=1" in said.stderr
    assert status(trial.outputs()["gateway"]) == 200


def test_saved_destroyed_and_restored_with_nothing_left_between(trial: Trial, client: Any) -> None:
    saved = trial.folder / "saved"
    given = trial.given(PROJECT)
    assert int(trial.done("backup", str(saved)).splitlines()[-1].split()[0]) > 5
    assert "not empty" in trial.run("backup", str(saved)).stderr
    trial.done("destroy", "--force")
    mine = {kind: {n for n in names if trial.name in n} for kind, names in things().items()}
    assert mine == {"containers": set(), "networks": set(), "volumes": set()}
    assert not trial.home.exists()
    trial.done("restore", str(saved))
    assert trial.given(PROJECT) == given
    assert store(given).ask("GET", f"/{PROJECT}/a") == (200, b"kept")
    rows = query(client, trial, given["PREDICTION_LOG_URL"], "SELECT sum(n) FROM kept")
    assert rows == (0, "5050")
    tracking = Tracking(given["MLFLOW_TRACKING_URI"], PROJECT, given["MLFLOW_TRACKING_PASSWORD"])
    found = tracking.ask("GET", f"experiments/get-by-name?experiment_name={PROJECT}")
    assert found["experiment"]["experiment_id"] == "1"
    assert "there is one already" in trial.run("restore", str(saved)).stderr
    (saved / "store.tar").open("ab").write(b"x")
    assert "not as it was written" in trial.run("restore", str(saved)).stderr
