"""Bad answers are refused with the rule, the answer and a good one, and nothing stays on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pre_gen_project import RULES, problems, remove_made

if TYPE_CHECKING:
    from pathlib import Path

    from baking import Bake

GOOD = {
    "project": "flights",
    "description": "Late?",
    "owner": "octocat",
    "data_store": "~/store",
    "image_repository": "localhost:5000/flights",
}
# One of each kind for the real command; its neighbours stand below.
BAD = {
    "capitals": ("project", "Flights"),
    "a folder outside": ("project", "../flights"),
    "a folder inside": ("project", "team/a/flights"),
    "two lines": ("description", "one\ntwo"),
    "too long": ("description", "x" * 201),
    "no login": ("owner", "@octocat"),
    "unknown scheme": ("data_store", "https://example.org/store"),
    "no bucket": ("data_store", "s3://"),
    "a tag": ("image_repository", "ghcr.io/octocat/flights:latest"),
    "no registry": ("image_repository", "flights"),
}
NEIGHBOURS = {
    "project": [
        "",
        "ab",
        "x" * 41,
        "a_b",
        "a--b",
        "-ab",
        "ab-",
        "1ab",
        "a b",
        "a.b",
        "é" * 4,
        "a\n",
    ],
    "description": [
        "",
        " x",
        "x ",
        "\t",
        "a\tb",
        "a\x00",
        "a\u202eb",
        "a\u2028b",
        "\ud800",
        "\x85",
    ],
    "owner": [
        "",
        "a--b",
        "-a",
        "a-",
        "a" * 40,
        "a/",
        "a/b/c",
        "a/B",
        "a b",
        "https://github.com/a",
    ],
    "data_store": [
        "",
        "/",
        " /a",
        "/a ",
        "a\nb",
        'a"b',
        "a$b",
        "C:\\a",
        "a%b",
        "-a",
        "s3://B",
        "S3://bb",
    ],
    "image_repository": [
        "",
        "a/B",
        "https://a/b",
        "a/b@sha256:0",
        "a//b",
        "/a",
        "a/b/",
        "a:b/c",
        "a /b",
    ],
}


def test_the_example_of_every_rule_is_good() -> None:
    for name, rule in RULES.items():
        for example in rule.example.split(" or "):
            assert problems(GOOD | {name: example}) == []


@pytest.mark.parametrize(
    ("name", "answer"), [(n, a) for n, all_ in NEIGHBOURS.items() for a in all_]
)
def test_a_bad_answer_is_named_with_its_rule_and_an_example(name: str, answer: str) -> None:
    (problem,) = problems(GOOD | {name: answer})
    assert problem.startswith(f"{name} = ")
    assert RULES[name].words in problem
    assert problem.endswith(f"for example {RULES[name].example}")
    assert problem.isprintable()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("project", "a" * 40),
        ("description", "«É» 🛫 \"q\" 'q' #: $x \\ `c` <b> & 👩\u200d🚀"),
        ("description", "x" * 200),
        ("owner", "acme/data_science-2"),
        ("owner", "octo-cat_acme"),
        ("data_store", "../store"),
        ("data_store", "/srv/my store, (old)/é"),
        ("data_store", "gs://bucket.name"),
        ("data_store", "azure://container/a/b"),
        ("image_repository", "registry.example:443/a/b__c/d-e.f"),
    ],
)
def test_an_unusual_answer_is_good(name: str, answer: str) -> None:
    assert problems(GOOD | {name: answer}) == []


@pytest.mark.parametrize(
    "store",
    ["s3://key:pass/word@bucket", "https://x.example/c?sig=password", "me:password@host:/a"],
)
def test_a_password_is_refused_and_not_shown(store: str) -> None:
    (problem,) = problems(GOOD | {"data_store": store})
    assert "pass" not in problem
    assert "credentials" in problem


def test_a_relative_store_needs_a_folder_that_dvc_can_name() -> None:
    assert problems(GOOD | {"data_store": "store", "_output_dir": "/a/b c"}) == []
    (problem,) = problems(GOOD | {"data_store": "store", "_output_dir": "/a/50%"})
    assert "'/a/50%'" in problem
    assert problems(GOOD | {"_output_dir": "/a/50%"}) == []


def test_folders_that_hold_something_else_are_kept(tmp_path: Path) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    (tmp_path / "a/other").touch()
    remove_made(inner, tmp_path)
    assert inner.is_dir()


@pytest.mark.parametrize(("name", "answer"), BAD.values(), ids=BAD)
def test_a_bad_answer_leaves_nothing(bake: Bake, tmp_path: Path, name: str, answer: str) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    result = bake({name: answer}, folder=folder)
    assert result.code == 1
    assert f"  {name} = " in result.output
    assert RULES[name].example in result.output
    assert [p.name for p in tmp_path.rglob("*")] == ["here"]


def test_all_bad_answers_are_named_at_once(bake: Bake) -> None:
    result = bake({name: answer for name, answer in BAD.values() if "/" not in answer})
    for name in ("project", "description", "owner", "image_repository"):
        assert f"  {name} = " in result.output


def test_without_git_it_says_so(bake: Bake, tmp_path: Path) -> None:
    result = bake(folder=tmp_path, env={"PATH": str(tmp_path)})
    assert result.code == 1
    assert "git: not found on PATH" in result.output
    assert not list(tmp_path.iterdir())
