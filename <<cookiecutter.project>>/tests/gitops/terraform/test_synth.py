"""What is declared: by a program of its own, once for the same files."""

import json
from pathlib import Path

import pytest

from gitops.settings import Refused
from gitops.targets.terraform import synth as synthesis
from gitops.targets.terraform.synth import key, synth
from tests.gitops import stacks


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, declarers: Path) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "interpreters").symlink_to(declarers)
    return home


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return stacks.project(tmp_path / "project")


def test_the_same_files_are_declared_once(
    home: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = synth(home, root, "dev")

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(synthesis, "declare", never)
    assert synth(home, root, "dev") == first
    path = root / "environments/dev.toml"
    path.write_text(path.read_text().replace("workers = 1", "workers = 2"))
    with pytest.raises(AssertionError):
        synth(home, root, "dev")


@pytest.mark.parametrize("name", ["STATE_BUCKET", "GROUND_NETWORK", "GROUND_RULES"])
def test_what_counts_is_files_where_the_state_lies_and_the_ground(
    root: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = key(root)
    (root / "README.md").write_text("Read me.\n")
    monkeypatch.setenv("PREDICTION_LOG_URL", "postgresql://flights@database/flights")
    assert key(root) == first
    monkeypatch.setenv(name, "flights")
    assert key(root) != first


def test_an_environment_that_is_of_another_kind_is_not_declared(home: Path, root: Path) -> None:
    with pytest.raises(Refused, match="infra: declares no environment uat"):
        synth(home, root, "uat")


def test_a_setting_that_is_missing_is_named(home: Path, root: Path) -> None:
    path = root / "environments/dev.toml"
    path.write_text(path.read_text().replace("memory_mb = 2048", ""))

    with pytest.raises(Refused, match=r"infra/: environments/dev\.toml: memory_mb: missing"):
        synth(home, root, "dev")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"GROUND_RULES": "ground-rules"}, "infra/: GROUND_RULES: nobody is reached without"),
        ({"GROUND_NETWORK": "${a}"}, r"infra/: GROUND_NETWORK=\$\{a\}: not a name of an engine's"),
        ({"GROUND_NETWORK": "a", "GROUND_RULES": "/etc"}, "infra/: GROUND_RULES=/etc: not a name"),
    ],
)
def test_a_ground_that_is_none_is_refused(
    home: Path,
    root: Path,
    given: dict[str, str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(Refused, match=message):
        synth(home, root, "dev")


def test_a_program_that_ends_is_told_by_its_last_words(home: Path, root: Path) -> None:
    (root / "infra/service.py").write_text("1 / 0\n")

    with pytest.raises(Refused, match="infra/: ZeroDivisionError: division by zero"):
        synth(home, root, "dev")
    left = (home / "terraform/synth").glob(".*")
    assert list(left) == []


def test_it_is_given_no_secret(home: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "not-for-infra")  # pragma: allowlist secret
    path = root / "infra/main.py"
    text = path.read_text().replace(
        "    app.synth()\n",
        "    app.synth()\n"
        "    (Path(app.outdir) / 'stacks/dev/given').write_text(str(dict(os.environ)))\n",
    )
    path.write_text(text)

    synth(home, root, "dev")

    given = (home / "terraform/synth" / key(root) / "stacks/dev/given").read_text()
    assert "CDKTF_OUTDIR" in given
    assert "not-for-infra" not in given
    assert json.loads(synth(home, root, "dev"))["terraform"]
