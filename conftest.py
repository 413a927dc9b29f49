"""What holds for all tests: here and in the template, whose tests run unbaked."""

import re
import sys
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

# Both folders of tests are one namespace; pytest would otherwise take the first for all of it.
import tests  # noqa: F401

pytest_plugins = ["strict_skips"]

# Bytecode of the template's modules would lie in the template, and be baked.
sys.dont_write_bytecode = True

ROOT = Path(__file__).parent
# In a file of tests: it imports what asks a container engine, or is given what takes long to make.
ASKS = re.compile(
    r"^(?:import|from) (?:docker|grounds)\b"
    r"|^from tests\.gitops\b.*\b(?:containers|engines|images|stacks|target)\b"
    r"|\b(?:declarers|images_at)\b",
    re.MULTILINE,
)


class Beside(LoadFileScheduling):  # type: ignore[misc]
    """Where tests run beside each other, those follow one another that ask an engine.

    That is, those here and those of the template: each of both look at what they have made
    themselves. Of the others, each file stays together.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return Path(file).parts[0] if asks(file) else file


@cache
def asks(file: str) -> bool:
    return bool(ASKS.search((ROOT / file).read_text("utf-8")))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Beside:
    return Beside(config, log)
