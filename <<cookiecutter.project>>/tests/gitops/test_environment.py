"""Environments are files: each right or refused, together in one order."""

import re
from pathlib import Path

import pytest

from gitops import environment
from gitops.environment import compose
from gitops.settings import Refused
from tests.projects import ROOT

SHIPPED = {path.stem: path.read_text() for path in (ROOT / "environments").glob("*.toml")}


def changed(name: str, old: str, new: str) -> dict[str, str]:
    """The shipped files with one of them changed."""
    text = re.sub(old, new, SHIPPED[name], count=1)
    assert text != SHIPPED[name]
    return SHIPPED | {name: text}


def test_the_shipped_ones_go_from_dev_to_prod() -> None:
    found = environment.read(ROOT / "environments")

    assert [(one.name, one.branch) for one in found.values()] == [
        ("dev", "dev"),
        ("uat", "uat"),
        ("prod", "main"),
    ]
    assert environment.first(found).name == "dev"
    assert [one.name for one in environment.following(found, "dev")] == ["uat"]
    assert environment.following(found, "prod") == []
    assert found["dev"].url == f"http://{found['dev'].address}"
    assert len({one.port for one in found.values()}) == 3


def test_adding_a_file_adds_an_environment(tmp_path: Path) -> None:
    fourth = SHIPPED["uat"].replace('branch = "uat"', 'branch = "qa"').replace("8102", "8104")
    for name, text in (SHIPPED | {"qa": fourth}).items():
        (tmp_path / f"{name}.toml").write_text(text)
    later = (tmp_path / "prod.toml").read_text().replace('after = ["uat"]', 'after = ["uat", "qa"]')
    (tmp_path / "prod.toml").write_text(later)

    found = environment.read(tmp_path)

    assert list(found) == ["dev", "qa", "uat", "prod"]
    assert [one.name for one in environment.following(found, "dev")] == ["qa", "uat"]
    assert environment.named(found, "qa").branch == "qa"
    of_branch = environment.of_branch(found, "qa")
    assert of_branch
    assert of_branch.name == "qa"
    assert environment.of_branch(found, "feature") is None


def test_the_order_is_that_of_after_and_not_of_names() -> None:
    texts = {
        "a": SHIPPED["prod"].replace('after = ["uat"]', 'after = ["c"]'),
        "b": SHIPPED["dev"],
        "c": SHIPPED["uat"].replace('after = ["dev"]', 'after = ["b"]'),
    }

    assert list(compose(texts)) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("workers = 1 ", "workers = ", "environments/dev.toml: not TOML: "),
        ("workers = 1 ", "workers = 0 ", "environments/dev.toml: workers = 0: .*greater than"),
        ("workers = 1 ", "workers = 1000 ", "environments/dev.toml: workers = 1000: .*less than"),
        ("workers = 1 ", 'workers = "1" ', "environments/dev.toml: workers = '1': .*integer"),
        ("workers = 1 ", "worker = 1 ", "environments/dev.toml: worker: unknown key"),
        ("workers = 1 ", "", "environments/dev.toml: workers: missing; add it"),
        ("memory_mb = 2048", "memory_mb = 1", r"dev\.toml: limits\.memory_mb = 1: "),
        ("memory_mb = 2048", "memory = 1", r"dev\.toml: limits\.memory: unknown key"),
        ("request_kb = 1024", "request_kb = 0", r"dev\.toml: limits\.request_kb = 0: "),
        ("start_seconds = 30", "start_seconds = 0", r"limits\.start_seconds = 0: .*greater than 0"),
        ("drain_seconds = 10", "drain_seconds = inf", r"limits\.drain_seconds = inf: "),
        ("drain_seconds = 10", "drain_seconds = 1e9", r"limits\.drain_seconds = 1000000000\.0: "),
        ('target = "process"', 'target = "moon"', r"target = 'moon': .*'process'"),
        ('branch = "dev"', 'branch = "-x"', r"branch = '-x': "),
        ('branch = "dev"', 'branch = "a b"', r"branch = 'a b': "),
        (
            "workers = 1 ",
            'gateway = "caddy/caddy:2"\nworkers = 1 ',
            "gateway: .*repository@sha256:",
        ),
        ("after = ..", 'after = "uat"', r"after = 'uat': .*tuple"),
        ("127.0.0.1:8101", "8101", "'8101' must be host:port, the port between 1 and 65535"),
        ("127.0.0.1:8101", ":8101", "':8101' must be host:port"),
        ("127.0.0.1:8101", "localhost:80a", "'localhost:80a' must be host:port"),
        ("127.0.0.1:8101", "localhost:0", "'localhost:0' must be host:port"),
        ("127.0.0.1:8101", "localhost:65536", "'localhost:65536' must be host:port"),
        (r"\[limits\]", "[limit]", "environments/dev.toml: limits: missing"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_its_rule(
    old: str, new: str, message: str
) -> None:
    with pytest.raises(Refused, match=message):
        compose(changed("dev", old, new))


def test_every_wrong_setting_has_a_line() -> None:
    text = SHIPPED["dev"].replace("workers = 1 ", "workers = 0 ").replace("memory_mb", "memory")

    with pytest.raises(Refused) as caught:
        compose({"dev": text})

    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('branch = "uat"', 'branch = "dev"', "uat.toml: branch = 'dev': its branch is that of dev"),
        ("8102", "8101", "uat.toml: address = '127.0.0.1:8101': its port is that of dev too"),
        ("127.0.0.1:8102", "localhost:08101", "address = 'localhost:08101': its port is that of"),
        ("127.0.0.1:8102", "[::1]:8103", r"address = '\[::1\]:8103': its port is that of prod too"),
        ('after = ."dev".', 'after = ["qa"]', "uat.toml: after = 'qa': no such environment; there"),
        ('after = ."dev".', 'after = ["prod"]', "prod, uat: each waits for another"),
        ('after = ."dev".', 'after = ["uat"]', "uat: each waits for another|waits for another"),
        ('after = ."dev".', "after = []", "dev and uat come after nothing"),
    ],
)
def test_environments_that_can_not_be_together_are_refused(
    old: str, new: str, message: str
) -> None:
    texts = dict(sorted(changed("uat", old, new).items()))

    with pytest.raises(Refused, match=message):
        compose(texts)


def test_a_folder_without_environments_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="holds no environment; run from the project's root"):
        environment.read(tmp_path)


def test_a_name_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(Refused, match="'qa': no such environment; there are dev, uat, prod"):
        environment.named(compose(SHIPPED), "qa")


@pytest.mark.parametrize("name", ["eu west", "latest", "v1", "a/b", "Prod", ""])
def test_a_name_that_no_tag_or_alias_can_have_is_refused(name: str) -> None:
    with pytest.raises(Refused, match=r"names tags and an alias of the model registry"):
        environment.one(name, "", f"environments/{name}.toml")
