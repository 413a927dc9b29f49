"""uvicorn's server and its HTTP, without its command line: loading that takes a tenth of the start
and 3 MiB, and importing the package anywhere begins with it.
"""

import importlib.util
import sys
from typing import Any


def later(name: str) -> None:
    """Let a package's modules be loaded one by one, and what its `__init__` says when asked for.

    Raises:
        ModuleNotFoundError: there is no such package.
    """
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    loader, module = spec.loader, importlib.util.module_from_spec(spec)

    def opened(attribute: str) -> Any:
        if "__getattr__" in vars(module):
            del vars(module)["__getattr__"]
            loader.exec_module(module)
        return getattr(module, attribute)

    vars(module)["__getattr__"] = opened
    sys.modules[name] = module


later("uvicorn")

import uvicorn  # noqa: E402
from uvicorn.config import Config  # noqa: E402
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol  # noqa: E402
from uvicorn.server import Server  # noqa: E402

vars(uvicorn)["Config"] = Config  # its modules ask the package for this one

__all__ = ["STATUS_LINE", "Config", "HttpToolsProtocol", "Server"]
