"""A record comes back from its tag as it went in, and nothing else passes for one."""

import json
from typing import Any

import pytest

from gitops.records import Intent, Outcome, Release, Waiver
from gitops.settings import Refused, Strict, parse
from tests.gitops.repositories import WHEN, intent_of, json_of, outcome_of, release_of

TREE, COMMIT = "a" * 40, "b" * 40
RELEASE = release_of(TREE, COMMIT, url="https://github.com/o/n/actions/runs/1", skipped=("dev",))
INTENT = intent_of(RELEASE, "uat", 3)
OUTCOME = outcome_of(INTENT, RELEASE)
WAIVER = Waiver(environment="prod", tree=TREE, by="Test", created=WHEN)


@pytest.mark.parametrize("record", [RELEASE, INTENT, OUTCOME, WAIVER])
def test_a_record_comes_back_as_it_went_in(record: Strict) -> None:
    text = json_of(record)

    assert parse(type(record), text, "tag") == record
    assert json.loads(text)["schema"] == 1


def test_a_release_is_named_by_the_beginning_of_its_tree() -> None:
    assert RELEASE.name == "a" * 12


@pytest.mark.parametrize(
    ("record", "changes", "refusal"),
    [
        (RELEASE, {"schema": 2}, "tag: schema = 2: Input should be 1"),
        (RELEASE, {"tree": "A" * 40}, "tag: tree = .*match pattern"),
        (RELEASE, {"tree": "a" * 41}, "tag: tree = .*match pattern"),
        (RELEASE, {"commit": "a" * 40 + "\n"}, "tag: commit = .*match pattern"),
        (RELEASE, {"lock_sha256": "a" * 40}, "tag: lock_sha256 = .*match pattern"),
        (RELEASE, {"metrics": {"roc_auc": "0.7"}}, "tag: metrics.roc_auc = '0.7': .*number"),
        (RELEASE, {"created": "yesterday"}, "tag: created = 'yesterday': .*datetime"),
        (RELEASE, {"image": 1}, "tag: image = 1: .*string"),
        (RELEASE, {"image": "r.example/flights:latest"}, "tag: image = .*pattern"),
        (RELEASE, {"more": 1}, "tag: more: unknown key; .*"),
        (INTENT, {"number": 0}, "tag: number = 0: .*greater than or equal to 1"),
        (INTENT, {"number": "1"}, "tag: number = '1': .*integer"),
        (INTENT, {"forced": 0}, "tag: forced = 0: .*boolean"),
        (OUTCOME, {"result": "fine"}, "tag: result = 'fine': .*'healthy' or 'failed'"),
        (OUTCOME, {"evidence": {}}, "tag: evidence.release: missing; add it"),
    ],
)
def test_nothing_else_passes_for_one(record: Strict, changes: dict[str, Any], refusal: str) -> None:
    text = json.dumps(json.loads(json_of(record)) | changes)
    with pytest.raises(Refused, match=f"^{refusal}"):
        parse(type(record), text, "tag")


@pytest.mark.parametrize("kind", [Release, Intent, Outcome, Waiver])
def test_every_field_is_written_down(kind: type[Strict]) -> None:
    required = {field.alias or name for name, field in kind.model_fields.items()} - {"schema"}
    with pytest.raises(Refused) as caught:
        parse(kind, "{}", "tag")

    assert {line.split()[1].rstrip(":") for line in str(caught.value).splitlines()} == required
