"""The repository on GitHub, as it is declared: no provider is needed to look at that."""

import re
from typing import Any

import yaml

from tests.projects import ROOT

BRANCHES = {"dev", "uat", "main"}


def one(repository: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = repository["resource"][f"github_{kind}"][name]
    return found


def test_each_environment_has_a_branch_and_the_first_one_is_the_default(
    repository: dict[str, Any],
) -> None:
    branches = repository["resource"]["github_branch"].values()

    assert {branch["branch"] for branch in branches} == BRANCHES
    assert one(repository, "branch_default", "default")["branch"] == "dev"


def test_what_is_merged_was_approved_and_checked(repository: dict[str, Any]) -> None:
    found = one(repository, "repository_ruleset", "rules-of-branches")
    (rules,) = found["rules"]
    (names,) = found["conditions"][0]["ref_name"]

    assert {name.removeprefix("refs/heads/") for name in names["include"]} == BRANCHES
    assert rules["deletion"]
    assert rules["non_fast_forward"]
    assert rules["pull_request"][0]["require_code_owner_review"]
    assert (ROOT / ".github/CODEOWNERS").is_file()
    assert found["enforcement"] == "active"


def test_the_required_checks_are_jobs_of_the_pull_request(repository: dict[str, Any]) -> None:
    found = one(repository, "repository_ruleset", "rules-of-branches")
    (checks,) = found["rules"][0]["required_status_checks"]
    jobs = yaml.safe_load((ROOT / ".github/workflows/pull-request.yml").read_text())["jobs"]

    assert checks["strict_required_status_checks_policy"]
    required = [check["context"] for check in checks["required_check"]]
    assert required == [name for name in jobs if name != "vouch"]


def test_records_are_never_replaced(repository: dict[str, Any]) -> None:
    found = one(repository, "repository_ruleset", "rules-of-tags")
    page = (ROOT / "docs/github.md").read_text()
    (named,) = re.findall(r"A ruleset for the tags\*\* (.*?):", page.replace("\n", " "))

    (names,) = found["conditions"][0]["ref_name"]
    patterns = {name.removeprefix("refs/tags/") for name in names["include"]}
    assert patterns == set(re.findall(r"`(.+?)`", named)) - {"*"}  # of which it tells
    assert found["rules"] == [{"update": True, "deletion": True}]


def test_an_environment_is_its_branch_s_and_a_cloud_trusts_its_subject(
    repository: dict[str, Any],
) -> None:
    policy = one(repository, "repository_environment_deployment_policy", "policy-prod")

    assert policy["branch_pattern"] == "main"
    subject = repository["output"]["subject-prod"]["value"]
    assert subject.endswith("/flights:environment:prod")


def test_a_promotion_may_be_merged_in_any_way_and_opened_by_a_workflow(
    repository: dict[str, Any],
) -> None:
    found = one(repository, "repository", "repository")

    assert all(found[f"allow_{how}"] for how in ("merge_commit", "squash_merge", "rebase_merge"))
    assert found["lifecycle"]["prevent_destroy"]
    allowed = one(repository, "workflow_repository_permissions", "permissions")
    assert allowed["can_approve_pull_request_reviews"]
    assert allowed["default_workflow_permissions"] == "read"


def test_labels_and_variables_are_there_and_no_secret(repository: dict[str, Any]) -> None:
    assert set(repository["resource"]["github_issue_label"]) >= {"label-promotion"}
    assert one(repository, "actions_variable", "variables")["for_each"] == "${var.variables}"
    assert not [kind for kind in repository["resource"] if "secret" in kind]
