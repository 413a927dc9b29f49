"""A real browser: chromium, asked over a pipe by its DevTools protocol."""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60  # until something must have happened; chromium starts in one, on a busy machine in ten
FLAGS = (
    "--headless",
    "--no-sandbox",  # which needs rights that a container does not have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-pipe",
)


class Browser:
    """One tab. What it throws or reports is kept in `problems`."""

    def __init__(self, asked: int, said: int) -> None:
        self.asked, self.said = asked, said
        self.buffer = b""
        self.count = 0
        self.session = ""
        self.problems: list[str] = []
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        attached = self.do("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its answer."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.asked, json.dumps(message).encode() + b"\0")
        while True:
            found = self.message()
            if found.get("id") == self.count:
                assert "error" not in found, found["error"]
                result: dict[str, Any] = found["result"]
                return result
            self.note(found)

    def message(self) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.said], [], [], SECONDS)
            assert ready, "chromium says nothing"
            part = os.read(self.said, 2**16)
            assert part, "chromium has ended"
            self.buffer += part
        one, _, self.buffer = self.buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(one)
        return found

    def note(self, event: dict[str, Any]) -> None:
        if event["method"] == "Runtime.exceptionThrown":
            self.problems.append(str(event["params"]["exceptionDetails"]))
        elif event["method"] == "Log.entryAdded":
            entry = event["params"]["entry"]
            self.problems.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.do(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait for something that must become true in the page."""
        deadline = time.monotonic() + SECONDS
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < deadline, script
            time.sleep(0.02)

    def open(self, url: str) -> None:
        self.do("Page.navigate", url=url)
        here = f"location.href === {json.dumps(url)}"
        self.until(f"{here} && document.readyState === 'complete'")

    def press(self, key: str, code: int, text: str = "") -> None:
        """A key, as a person presses it."""
        held = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        kind = "keyDown" if text else "rawKeyDown"
        self.do("Input.dispatchKeyEvent", type=kind, text=text, **held)
        self.do("Input.dispatchKeyEvent", type="keyUp", **held)

    def shape(self, width: int, height: int, dark: bool = False) -> None:
        self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        found = self.do("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        path.write_bytes(base64.b64decode(found["data"]))


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser whose profile lies in `folder`; without chromium the test is skipped."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("needs chromium on PATH")
    theirs, asked = os.pipe()
    said, ours = os.pipe()
    words = [chromium, *FLAGS, f"--user-data-dir={folder}"]
    null = os.open(os.devnull, os.O_RDWR)
    # It reads from 3 and writes to 4: ours are taken above them first, should they be in the way.
    high = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 5) for one in (theirs, ours)]
    actions = [(os.POSIX_SPAWN_DUP2, null, one) for one in (1, 2)]
    actions += [(os.POSIX_SPAWN_DUP2, one, place) for place, one in enumerate(high, 3)]
    process = os.posix_spawn(chromium, words, os.environ, file_actions=actions)
    for one in (theirs, ours, null, *high):
        os.close(one)
    try:
        yield Browser(asked, said)
    finally:
        os.close(asked)  # with which it ends
        os.waitpid(process, 0)
        os.close(said)
