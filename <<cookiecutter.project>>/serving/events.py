"""What the service says to its log: one line of JSON for each event, without a value of a row."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any


def say(event: str, **facts: Any) -> None:
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def fault(error: BaseException, **facts: Any) -> None:
    """What happened and where, without the message: libraries quote values of rows in theirs."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    say("fault", error=type(error).__name__, where=where, **facts)


class Handler(logging.Handler):
    """What libraries log, in the same form: their words may quote rows, their place does not."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error:
            fault(error, logger=record.name)
        else:
            say("library", logger=record.name, level=record.levelname, place=record.funcName)


def set_up() -> None:
    root = logging.getLogger()
    root.handlers = [Handler()]
    root.setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
