"""What terraform remembers: lost, broken, shared, of another, and never a secret."""

import json
from pathlib import Path

import pytest

from gitops.settings import Refused
from gitops.targets.docker import Docker
from gitops.targets.terraform.target import Terraform
from tests.gitops import buckets, stacks
from tests.gitops.containers import Made, numbers, only
from tests.gitops.deploying import deploy, number

pytestmark = pytest.mark.skipif(bool(reason := stacks.missing()), reason=str(reason))


def test_a_lost_state_is_told_and_the_next_release_takes_over(
    target: Terraform, first: Made, second: Made
) -> None:
    deploy(target, 1, *first)
    for path in target.made.folder.glob("terraform.tfstate*"):
        path.unlink()

    assert "terraform's state is lost" in target.drift()[0]
    with pytest.raises(Refused, match="terraform's state is lost"):
        target.mend()
    assert number(target) == 1
    deploy(target, 2, *second)

    assert (number(target), numbers(target)) == (2, [2])
    assert target.drift() == []


def test_a_state_that_was_being_written_is_put_aside(target: Terraform, first: Made) -> None:
    deploy(target, 1, *first)
    path = target.made.folder / "terraform.tfstate"
    path.write_text(path.read_text()[:100])

    deploy(target, 2, *first)

    assert numbers(target) == [2]
    assert target.drift() == []


def test_a_state_in_a_bucket_is_that_of_every_machine(
    first: Made,
    second: Made,
    declarers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with buckets.store(tmp_path / "store", "flights", monkeypatch) as endpoint:
        monkeypatch.setenv("STATE_BUCKET", "flights")
        monkeypatch.setenv("LOG_HASH_KEY", "a-key-of-names")  # pragma: allowlist secret
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        with stacks.target(tmp_path, declarers) as target:
            deploy(target, 1, *first)
            assert not list(target.made.folder.glob("*.tfstate"))
            other = Terraform(tmp_path / "else", target.environment, target.project, target.root)
            other.home.mkdir()
            (other.home / "interpreters").symlink_to(declarers)

            assert other.drift() == []
            deploy(other, 2, *second)

            assert numbers(target) == [2]
            assert target.drift() == []  # though it was said here that 1 is to run
            target.mend()
            assert (number(target), numbers(target)) == (2, [2])
            held = [path.read_text() for path in (tmp_path / "store").rglob("*.tfstate")]
            assert f"{target.stack}-2" in "".join(held)
            assert not list((tmp_path / "store").rglob("*.tflock"))


def test_what_another_kind_of_target_made_is_taken_over(
    target: Terraform, first: Made, second: Made
) -> None:
    before = Docker(target.home, target.environment, target.project)
    deploy(before, 1, *first)

    deploy(target, 2, *second)

    assert (number(target), numbers(target)) == (2, [2])
    assert target.drift() == []


def test_no_secret_stands_in_what_terraform_reads_or_remembers(
    target: Terraform, first: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").write_text(f"somebody {'5e' * 32}\n")
    monkeypatch.setenv("API_KEYS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("LOG_HASH_KEY", "a-key-of-names")  # pragma: allowlist secret

    target.start(1, *first)
    told = target.made.planned()

    held = only(target).exec_run(["cat", "/secrets/LOG_HASH_KEY", "/secrets/API_KEYS"]).output
    assert held.decode() == f"a-key-of-namessomebody {'5e' * 32}\n"
    files = [path for path in target.folder.rglob("*") if path.is_file() and ".terraform/" not in
             str(path)]  # fmt: skip
    assert {"cdk.tf.json", "terraform.tfstate", "terraform.tfvars.json"} <= {
        path.name for path in files
    }
    everything = json.dumps([told, only(target).attrs]) + "".join(
        path.read_text() for path in files
    )
    assert "a-key-of-names" not in everything
    assert "5e" * 32 not in everything
    assert "LOG_HASH_KEY_FILE=/secrets/LOG_HASH_KEY" in everything
