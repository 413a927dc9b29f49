"""Workflows keep the schema and the rules of safety, here and in a baked repository."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from baking import ROOT

TEMPLATE = ROOT / "<<cookiecutter.project>>"
WORKFLOWS = sorted(
    path for root in (ROOT, TEMPLATE) for path in (root / ".github/workflows").iterdir()
)
TOOLS = [
    ("zizmor", "--offline", "--quiet", "--persona", "pedantic"),
    ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
]
# What each job may do beyond reading; a new one, or a right more, is added here knowingly.
CHANGES = {"actions": "write", "contents": "write", "pull-requests": "write"}
RIGHTS = {
    "checks": {"checks": None},
    "pull-request": {
        "check": None,
        "experiment": CHANGES,
        "proof": {"contents": "read", "pull-requests": "read"},
        "vouch": {"contents": "read", "statuses": "write"},
    },
    "deliver": {"environment": None, "deliver": CHANGES, "hotfix": CHANGES},
    "reconcile": {"reconcile": CHANGES},
    "retrain": {"retrain": CHANGES},
}
# What people send from forks starts these, and nothing that acts for the repository.
OPEN = {"pull_request", "push", "schedule", "workflow_dispatch"}


def read(path: Path) -> dict[str, Any]:
    # YAML takes the key `on` for true.
    text = re.sub(r"(?m)^on:", '"on":', path.read_text("utf-8"))
    workflow: dict[str, Any] = yaml.safe_load(text)
    return workflow


@dataclass(frozen=True)
class Job:
    path: Path
    name: str
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.path.stem}-{self.name}"

    @property
    def secrets(self) -> set[str]:
        return set(re.findall(r"secrets\b\S*", str(self.body)))


JOBS = [Job(path, *job) for path in WORKFLOWS for job in read(path)["jobs"].items()]


@pytest.mark.parametrize("tool", TOOLS, ids=[name for name, *_ in TOOLS])
def test_tools_find_nothing(tool: tuple[str, ...]) -> None:
    name, *options = tool
    program = Path(sys.executable).parent / name
    command = [str(program), *options, *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_begin_with_no_rights(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "concurrency" in workflow
    assert set(workflow["on"]) <= OPEN
    assert "secrets" not in str(workflow.get("env"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_job_has_its_rights_and_no_others(path: Path) -> None:
    granted = {name: job.get("permissions") for name, job in read(path)["jobs"].items()}
    assert granted == RIGHTS[path.stem]


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_jobs_are_bounded_and_run_tasks(job: Job) -> None:
    assert job.body["timeout-minutes"] <= 60
    makefile = (job.path.parents[2] / "Makefile").read_text("utf-8")
    tasks = re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE)
    for step in job.body["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", step["uses"])
            assert step["with"]["persist-credentials"] is False
        else:
            assert step["run"] in {f"make {task}" for task in tasks}


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_who_reads_records_has_the_whole_history(job: Job) -> None:
    if "GH_TOKEN" in job.body.get("env", {}):
        assert job.body["steps"][0]["with"]["fetch-depth"] == 0


# GitHub gives a fork's request empty secrets, and a token that only reads.
@pytest.mark.parametrize("job", JOBS, ids=str)
def test_what_a_fork_sends_sees_no_secret_but_where_github_withholds_them(job: Job) -> None:
    if "pull_request" not in read(job.path)["on"]:
        return
    assert job.body["runs-on"] == "ubuntu-24.04", "no machine of one's own runs what a fork sends"
    assert job.name == "experiment" or not job.secrets
    assert all(re.fullmatch(r"secrets\.[A-Z_]+", one) for one in job.secrets)
    if job.name == "experiment":
        head = "${{ github.event.pull_request.head.sha || github.sha }}"
        assert job.body["steps"][0]["with"]["ref"] == head


def test_what_was_dispatched_is_vouched_for_when_all_checks_have_ended() -> None:
    checks = read(TEMPLATE / ".github/workflows/pull-request.yml")["jobs"]
    vouch = checks.pop("vouch")
    assert vouch["needs"] == list(checks)
    # A request's own runs count by themselves; one from a fork never gets a token that writes.
    assert vouch["if"] == "${{ always() && github.event_name == 'workflow_dispatch' }}"
    assert vouch["env"]["COMMIT"] == "${{ github.sha }}"


def test_a_delivery_is_one_at_a_time_and_never_cancelled() -> None:
    workflow = read(TEMPLATE / ".github/workflows/deliver.yml")
    group = {"group": "deliver-${{ github.ref_name }}", "cancel-in-progress": False}
    assert workflow["concurrency"] == group
    deliver = workflow["jobs"]["deliver"]
    assert deliver["environment"] == "${{ needs.environment.outputs.name }}"
    assert not any("concurrency" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("name", ["reconcile", "retrain"])
def test_what_changes_branches_is_not_cancelled(name: str) -> None:
    workflow = read(TEMPLATE / f".github/workflows/{name}.yml")
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_a_request_supersedes_only_itself() -> None:
    concurrency = read(TEMPLATE / ".github/workflows/pull-request.yml")["concurrency"]
    assert concurrency["group"] == "pull-request-${{ github.event.number || inputs.pull }}"


def test_what_is_dispatched_takes_what_is_sent() -> None:
    sent = re.findall(
        r'dispatch\("([a-z-]+\.yml)", [^{]+\{"(\w+)":',
        "".join(path.read_text("utf-8") for path in (TEMPLATE / "gitops").rglob("*.py")),
    )
    assert sent
    for workflow, key in set(sent):
        dispatch = read(TEMPLATE / ".github/workflows" / workflow)["on"]["workflow_dispatch"]
        assert key in dispatch["inputs"]
