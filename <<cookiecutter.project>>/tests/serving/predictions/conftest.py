"""Databases of both kinds, for what keeps predictions in one."""

from pathlib import Path

import pytest

from tests.serving import logs
from tests.serving.postgres import Postgres, postgres

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return logs.sqlite(tmp_path)
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()
