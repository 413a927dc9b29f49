"""A skipped test is a failure in continuous integration, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

import strict_skips

pytest_plugins = ["pytester"]
TESTS = """
import pytest

def test_skips():
    pytest.skip("no browser")

@pytest.mark.xfail
def test_fails_as_known():
    assert False
"""
MODULE = "import pytest; pytest.skip('no browser', allow_module_level=True)"


@pytest.mark.parametrize(
    ("ci", "outcomes"),
    [("", {"skipped": 2, "xfailed": 1}), ("true", {"failed": 1, "errors": 1, "xfailed": 1})],
)
def test_skips_fail_where_ci_is_set(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcomes: dict[str, int]
) -> None:
    monkeypatch.setenv("CI", ci)
    pytester.makeconftest(Path(strict_skips.__file__).read_text("utf-8"))
    pytester.makepyfile(test_one=TESTS, test_two=MODULE)
    result = pytester.runpytest_subprocess("--continue-on-collection-errors")
    result.assert_outcomes(**outcomes)
    assert ("CI is set" in result.stdout.str()) == bool(ci)
