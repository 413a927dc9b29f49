"""Workflow files run as they stand, by act, on the forge of this machine, without a network."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitops.forges import work
from gitops.forges.runner import Run, Runner
from gitops.settings import Refused
from tests.gitops.repositories import commit
from tests.gitops.runs import runner_of, said
from tests.projects import ROOT, succeed

CHECKOUT = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd"
MAKEFILE = """
setup:
	@test -e .venv/ready || { echo Setting up; sleep 0.2; touch .venv/ready; }
"""
# Two jobs: the second asks the first, and does what the file `step` says.
DELIVER = f"""
on:
  push:
  workflow_dispatch:
    inputs:
      pull: {{type: string}}
jobs:
  first:
    runs-on: ubuntu-24.04
    outputs:
      name: ${{{{ steps.name.outputs.name }}}}
    steps:
      - id: name
        run: echo "name=of-$BRANCH" | tee -a "$GITHUB_OUTPUT" > /dev/null
        env:
          BRANCH: ${{{{ github.ref_name }}}}
  second:
    needs: first
    if: needs.first.outputs.name == 'of-dev'
    runs-on: ubuntu-24.04
    environment: ${{{{ needs.first.outputs.name }}}}
    steps:
      - uses: {CHECKOUT}
        with:
          fetch-depth: 0
          persist-credentials: false
      - run: ./step
        env:
          NAME: ${{{{ needs.first.outputs.name }}}}
          BEFORE: ${{{{ github.event.before }}}}
          PULL: ${{{{ inputs.pull }}}}
          URI: ${{{{ vars.MLFLOW_TRACKING_URI }}}}
          GH_TOKEN: ${{{{ github.token }}}}
          AWS_SECRET_ACCESS_KEY: ${{{{ secrets.AWS_SECRET_ACCESS_KEY }}}}
"""
PULL_REQUEST = f"""
on:
  pull_request:
jobs:
  check:
    runs-on: ubuntu-24.04
    steps:
      - run: exit 9
  experiment:
    if: github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-24.04
    steps:
      - uses: {CHECKOUT}
        with:
          ref: ${{{{ github.event.pull_request.head.sha }}}}
      - run: ./step
        env:
          PULL: ${{{{ github.event.pull_request.number }}}}
          NAME: ${{{{ github.head_ref }}}} to ${{{{ github.base_ref }}}}
  never:
    if: github.head_ref == 'other'
    runs-on: ubuntu-24.04
    steps:
      - run: exit 9
"""
FILES = {
    "Makefile": MAKEFILE,
    "requirements/uv.txt": "",
    "requirements/dev.txt": "",
    ".gitignore": ".venv\n",
    "step": "#!/bin/sh\n",
    ".github/workflows/deliver.yml": DELIVER,
    ".github/workflows/pull-request.yml": PULL_REQUEST,
}
NO_LOCKS = hashlib.sha256().hexdigest()[:16]  # names the environment of two empty files
DEADLINE = 60  # seconds for what takes one, on a busy machine


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    found = runner_of(tmp_path, FILES, monkeypatch)
    (found.forge.repository.path / "step").chmod(0o755)
    return found


def change(runner: Runner, branch: str = "dev", **files: str) -> str:
    """Change files of a branch; the file `step` gets a first line."""
    if "step" in files:
        files["step"] = f"#!/bin/sh\n{files['step']}\n"
    return commit(runner.forge.repository, branch, **files)


def test_a_push_runs_the_jobs_one_after_the_other(runner: Runner) -> None:
    before = runner.forge.tips()["dev"]
    tip = change(runner, step='echo "$NAME $BEFORE"; git rev-parse HEAD; git status --short')
    run = runner.pushed("dev", before)
    assert said(run) == [f"of-dev {before}", tip]
    assert (run.code, run.workflow) == (0, "deliver.yml")
    assert run.log == runner.logs / "1-deliver.log"


def test_a_job_whose_condition_fails_is_skipped(runner: Runner) -> None:
    succeed("git", "push", "origin", "dev:hotfix", cwd=runner.forge.repository.path)
    change(runner, "hotfix", step="echo ran; exit 1")
    run = runner.pushed("hotfix")
    assert (run.code, said(run)) == (0, [])


def test_a_run_sees_the_history_the_records_and_an_absolute_remote(runner: Runner) -> None:
    succeed("git", "tag", "release/abc", cwd=runner.forge.repository.path)
    succeed("git", "push", "origin", "release/abc", cwd=runner.forge.repository.path)
    change(
        runner,
        step="git remote get-url origin; git tag; git rev-parse --is-shallow-repository\n"
        "git for-each-ref --format='%(refname)' refs/remotes/origin/uat; git rev-list --count HEAD",
    )
    expected = [runner.url, "release/abc", "false", "refs/remotes/origin/uat", "3"]
    assert said(runner.pushed("dev")) == expected


def test_a_failure_is_told_by_the_code_and_the_log(runner: Runner) -> None:
    change(runner, step="echo the reason; exit 3")
    run = runner.pushed("dev")
    assert run.code == 1
    assert said(run) == ["the reason"]


def test_a_pull_request_runs_at_its_head(runner: Runner) -> None:
    succeed("git", "push", "origin", "dev:try", cwd=runner.forge.repository.path)
    tip = change(runner, "try", step='echo "#$PULL $NAME"; git rev-parse HEAD')
    number = runner.forge.open("try", "dev", "Try", "").number
    runner.without = ("check",)
    run = runner.opened(number)
    assert (run.code, said(run)) == (0, ["#1 try to dev", tip])


def test_no_job_is_left_out_unasked(runner: Runner) -> None:
    succeed("git", "push", "origin", "dev:try", cwd=runner.forge.repository.path)
    change(runner, "try", step="exit 0")
    assert runner.opened(runner.forge.open("try", "dev", "Try", "").number).code == 1


def test_the_queue_is_run_until_it_is_empty(runner: Runner) -> None:
    queue = runner.forge.queue
    again = f'[ "$PULL" = 1 ] && cp "{queue}".first "{queue}"/99.json; echo "#$PULL"; exit "$PULL"'
    change(runner, step=again)
    runner.forge.dispatch("deliver.yml", "dev", {"pull": "0"})
    (first,) = queue.iterdir()
    queue.with_suffix(".first").write_text(first.read_text())
    runner.forge.dispatch("deliver.yml", "dev", {"pull": "1"})
    runs = runner.drain()
    assert [(run.code, said(run)) for run in runs] == [(0, ["#0"]), (1, ["#1"]), (0, ["#0"])]
    assert list(queue.iterdir()) == []
    assert runner.drain() == []


def test_a_dispatch_runs_the_commit_that_it_was_asked_for(runner: Runner) -> None:
    tip = change(runner, step="git rev-parse HEAD")
    runner.forge.dispatch("deliver.yml", "dev", {})
    change(runner, step="echo another")
    assert [said(run) for run in runner.drain()] == [[tip]]


def test_what_can_not_be_run_is_refused_and_leaves_the_queue(runner: Runner) -> None:
    tip = runner.forge.tips()["dev"]
    waiting = {"workflow": "none.yml", "ref": "dev", "commit": tip, "inputs": {}}
    runner.forge.queue.mkdir(parents=True)
    (runner.forge.queue / "1.json").write_text(json.dumps(waiting))
    with pytest.raises(Refused, match=f"none.yml: {tip[:12]} has no such workflow"):
        runner.drain()
    assert runner.drain() == []
    with pytest.raises(Refused, match="nowhere: the remote has no such branch; push it"):
        runner.pushed("nowhere")


def test_one_environment_is_made_for_runs_of_the_same_locks(runner: Runner) -> None:
    change(runner, step="readlink .venv")
    threads = [threading.Thread(target=runner.pushed, args=["dev"]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    change(runner, other="another")
    change(runner, **{"requirements/dev.txt": "more"})
    runner.pushed("dev")
    texts = [path.read_text() for path in sorted(runner.logs.glob("*.log"))]
    assert [text.count("Setting up") for text in texts] in ([1, 0, 1], [0, 1, 1])
    made = {path for path in (runner.home / "venvs").iterdir() if path.is_dir()}
    assert len(made) == 2
    assert {
        Path(line) for path in runner.logs.glob("*.log") for line in said(Run("", 0, path))
    } == made


def test_the_environment_of_who_runs_it_is_taken_where_the_locks_are_the_same(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "project" / ".venv"
    own.mkdir(parents=True)
    (own / "ready").touch()
    monkeypatch.setattr(sys, "prefix", str(own))
    change(runner, step="readlink .venv")
    made = runner.home / "venvs" / NO_LOCKS
    assert said(runner.pushed("dev")) == [str(made)]
    (own / f"ready-{NO_LOCKS}").touch()
    assert said(runner.pushed("dev")) == [str(own)]
    assert [path.name for path in own.parent.iterdir()] == [".venv"]


def test_a_set_up_that_fails_ends_the_run(runner: Runner) -> None:
    change(runner, Makefile="setup:\n\t@echo no network; exit 1\n", step="echo ran")
    run = runner.pushed("dev")
    assert run.code == 2  # make's own
    assert "no network" in run.log.read_text()
    assert said(run) == []


def test_a_run_has_what_is_local_and_no_token(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "of-another-forge")
    monkeypatch.setenv("MAKEFLAGS", "--always-make")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    change(
        runner,
        step='echo "[$GH_TOKEN][$GITHUB_TOKEN][$MAKEFLAGS] $URI $RUN_LOG"\n'
        'command -v act || echo "$GITHUB_ACTOR"',
    )
    run = runner.pushed("dev")
    uri = f"sqlite:///{runner.home}/mlflow.db"
    assert said(run) == [f"[][][] {uri} {run.log}", "Test"]


def test_secrets_reach_the_step_and_no_argument(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-" + "value")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://hidden" + ":hidden@host")
    shown, words = runner.home.with_name("shown"), runner.home.with_name("words")
    change(
        runner,
        step=f'printf "$AWS_SECRET_ACCESS_KEY $URI" > {shown}\n'
        f"ps -A -ww -o args= > {words}\n"
        'echo "$AWS_SECRET_ACCESS_KEY"',
    )
    run = runner.pushed("dev")
    assert shown.read_text() == "hidden-value postgresql://hidden" + ":hidden@host"
    assert said(run) == ["***"]
    (act,) = [line for line in words.read_text().splitlines() if f"{runner.home}/runs" in line][:1]
    assert "--secret AWS_SECRET_ACCESS_KEY" in act
    assert "hidden" not in words.read_text()


def test_a_run_that_takes_too_long_is_ended(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "SECONDS", 2)
    change(runner, step=f"{sys.executable} -c 'import time; time.sleep(600)' {runner.home}")
    with pytest.raises(Refused, match=r"act: not done after 2 s, and ended; see .*1-deliver\.log"):
        runner.pushed("dev")
    assert processes(runner) == []
    assert left(runner) == []


@contextmanager
def another(runner: Runner, what: str, *before: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that uses a runner of the same forge."""
    text = f"""
import sys
from pathlib import Path
from gitops.git import Repository
from gitops.forges.runner import Runner
runner = Runner(Repository(Path(sys.argv[1]), "origin"), Path(sys.argv[2]))
{what}
"""
    words = [sys.executable, "-c", text, str(runner.forge.repository.path), str(runner.home)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen([*before, *words], env=env, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def processes(runner: Runner) -> list[str]:
    """The processes whose command line names this forge's home, this one left out."""
    listed = succeed("ps", "-A", "-ww", "-o", "pid=,args=", cwd=runner.home.parent)
    found = (line.split(None, 1) for line in listed.splitlines())
    return [args for pid, args in found if str(runner.home) in args and int(pid) != os.getpid()]


def left(runner: Runner) -> list[Path]:
    return list((runner.logs / "work").iterdir())


# A step that says where its files are, then waits with a child that is deaf to SIGTERM.
WAIT = """
echo "$TMPDIR" > {mark}
touch "$TMPDIR/file"
stay() {{ exec {python} -c "import signal, time; $1; time.sleep(600)" {home}; }}
stay 'signal.signal(signal.SIGTERM, signal.SIG_IGN)' &
stay pass
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("before", [(), ("nohup",)], ids=["", "nohup"])
def test_a_runner_that_is_ended_leaves_nothing_behind(
    runner: Runner, number: signal.Signals, before: tuple[str, ...]
) -> None:
    mark = runner.home.with_name("mark")
    change(runner, step=WAIT.format(mark=mark, python=sys.executable, home=runner.home))
    runner.forge.dispatch("deliver.yml", "dev", {})
    with another(runner, "runner.drain()", *before) as process:
        until(lambda: mark.exists() and len(processes(runner)) >= 5)
        process.send_signal(number)
        process.wait(DEADLINE)
    assert process.returncode
    until(lambda: not processes(runner))
    assert left(runner) == []
    assert not Path(mark.read_text().strip()).exists()
    change(runner, step="exit 0")
    assert len(list(runner.forge.queue.iterdir())) == 1


def test_what_a_killed_runner_left_goes_once_nobody_works_there(runner: Runner) -> None:
    mark, go = runner.home.with_name("mark"), runner.home.with_name("go")
    os.mkfifo(go)
    change(runner, step=f'echo "$TMPDIR" > {mark}; read _ < {go}')
    with another(runner, 'runner.pushed("dev")') as process:
        until(mark.exists)
        process.kill()
        process.wait(DEADLINE)
    succeed("git", "push", "origin", "dev:other", cwd=runner.forge.repository.path)
    runner.pushed("other")
    assert [path.name for path in left(runner)] == ["1"]
    assert Path(mark.read_text().strip()).exists()
    go.write_text("\n")
    until(lambda: not processes(runner))
    runner.pushed("other")
    assert left(runner) == []
    assert not Path(mark.read_text().strip()).exists()


def test_a_service_outlives_the_run_that_started_it(runner: Runner) -> None:
    start = "import subprocess as s; print(s.Popen(['sleep', '600'], start_new_session=True).pid)"
    change(runner, step=f'{sys.executable} -c "{start}"')
    run = runner.pushed("dev")
    pid = int(said(run)[0])
    os.kill(pid, signal.SIGKILL)  # which raises, if there is no such process
    assert run.code == 0
    assert left(runner) == []


def test_two_runs_at_once_have_two_numbers(runner: Runner) -> None:
    threads = [threading.Thread(target=runner.pushed, args=["dev"]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    names = sorted(path.name for path in runner.logs.glob("*.log"))
    assert names == ["1-deliver.log", "2-deliver.log", "3-deliver.log"]
