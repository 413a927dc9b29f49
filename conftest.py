"""What holds for all tests: here and in the template, whose tests run unbaked."""

import sys

# Both folders of tests are one namespace; pytest would otherwise take the first for all of it.
import tests  # noqa: F401

pytest_plugins = ["strict_skips"]

# Bytecode of the template's modules would lie in the template, and be baked.
sys.dont_write_bytecode = True
