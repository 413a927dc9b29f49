"""A server that answers what it is told, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = None  # JSON, unless it is text
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False  # hear the question, and answer nothing until the client gives up


LOST = Answer(status=0)  # the connection ends where the answer should come


@dataclass(frozen=True)
class Question:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Server:
    url: str
    answers: list[Answer] = field(default_factory=list)  # in turn
    asked: list[Question] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def lines(self) -> list[str]:
        return [question.line for question in self.asked]


@contextmanager
def serve(*answers: Answer) -> Iterator[Server]:
    """Answer on a port of its own until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            text = self.rfile.read(length).decode()
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query))
            body = json.loads(text) if text else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.asked.append(Question(self.command, url.path, query, headers, body))
            told = server.answers.pop(0) if server.answers else Answer(418, "nothing left to say")
            if told.silent:
                server.over.wait()
            if told.silent or told == LOST:
                return
            said = told.body if isinstance(told.body, str) else json.dumps(told.body)
            self.send_response(told.status)
            for name, value in ({"content-type": "application/json"} | dict(told.headers)).items():
                self.send_header(name, value)
            self.end_headers()
            if told.status != 204:
                self.wfile.write(said.encode())

        do_GET = do_POST = do_PATCH = answer  # noqa: N815 - http.server's own names

        def log_message(self, format: str, *args: object) -> None:
            """Tests print nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}", list(answers))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        http.shutdown()
        http.server_close()
        thread.join()
