"""What every stage shares: it ends well, or with one clear error."""

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path


class StageError(Exception):
    """A stage can't go on; the message says what was wrong, where, and what to do."""


def run(name: str, main: Callable[[], None]) -> None:
    """Run a stage's `main`; an expected failure is one line on stderr and exit code 1."""
    try:
        main()
    except StageError as error:
        sys.exit(f"{name}: error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # Who reads no table has not loaded polars; the service has none.
        polars = sys.modules.get("polars")
        expected = (OSError, polars.exceptions.PolarsError) if polars else (OSError,)
        if not isinstance(error, expected):
            raise
        # The first line only: what follows in these messages may quote values of rows.
        sys.exit(f"{name}: error: {str(error).splitlines()[0]}")


def project() -> str:
    """The project's name, which no Python file holds."""
    name: str = tomllib.loads(Path("pyproject.toml").read_text())["project"]["name"]
    return name
