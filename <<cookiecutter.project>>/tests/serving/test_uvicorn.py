"""Of uvicorn, the server and its HTTP are loaded; what else it has is there when asked for."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def said(code: str) -> str:
    """What this prints in a process that has loaded nothing yet."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_a_server_is_made_without_the_command_line() -> None:
    code = (
        "import sys; from serving.uvicorn import Config, Server; "
        "config = Config(print, lifespan='off', ws='none'); config.load(); Server(config); "
        "print({'click', 'uvicorn.main'} & sys.modules.keys())"
    )

    assert said(code) == "set()"


def test_who_asks_the_package_gets_what_it_offers() -> None:
    code = (
        "from serving.uvicorn import Config; import uvicorn; "
        "print(callable(uvicorn.run), uvicorn.Config is Config, hasattr(uvicorn, 'nothing'))"
    )

    assert said(code) == "True True False"


def test_one_that_is_loaded_stays() -> None:
    code = (
        "import uvicorn; known = uvicorn.Server; import serving.uvicorn; "
        "print(uvicorn.Server is known, serving.uvicorn.Server is known)"
    )

    assert said(code) == "True True"


def test_a_package_that_is_not_there_is_an_error() -> None:
    code = (
        "from serving.uvicorn import later\n"
        "try: later('nopackage')\n"
        "except ModuleNotFoundError as error: print(error.name)"
    )

    assert said(code) == "nopackage"
