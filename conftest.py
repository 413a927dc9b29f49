"""What holds for all tests: here and in the template, whose tests run unbaked."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

# Both folders of tests are one namespace; pytest would otherwise take the first for all of it.
import tests  # noqa: F401

pytest_plugins = ["strict_skips"]

# Bytecode of the template's modules would lie in the template, and be baked.
sys.dont_write_bytecode = True

ROOT = Path(__file__).parent
# What asks a container engine, or takes half a minute to make, where a test's module or the test
# has it: modules, and fixtures.
ASKING = ("docker", "grounds", "tests.gitops.containers", "tests.gitops.engines")
GIVEN = {"declarers", "images_at"}


@pytest.hookimpl(tryfirst=True)  # what runs them beside each other reads the marks in this hook too
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Where tests run beside each other, let those follow one another that ask an engine.

    That is, those here and those of the template: each of both look at what they have made
    themselves. Of the others, each file stays together.
    """
    for item in items:
        group = item.path.relative_to(ROOT).parts[0] if asks(item) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


def asks(item: pytest.Function) -> bool:
    known = vars(item.module).values()
    names = (
        one.__name__ if isinstance(one, ModuleType) else getattr(one, "__module__", None)
        for one in known
    )
    return bool(GIVEN & set(item.fixturenames)) or any(
        name.startswith(ASKING) for name in names if isinstance(name, str)
    )
