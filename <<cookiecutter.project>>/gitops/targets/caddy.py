"""The settings of Caddy as a gateway: they name no release, so they never change while it runs."""

import hashlib
import json
from typing import Any

SLOTS = ("blue", "green")  # names in its network under which containers are reached
PUBLIC = 8080  # of its ports
PRIVATE = {slot: PUBLIC + place for place, slot in enumerate(SLOTS, 1)}  # each leads to its slot
SERVICE = 8000  # the port of a service's container
FOLDER = "/gateway"  # a volume: a file for each slot, the newer of which leads clients there
# Until an idle connection to a service is closed: the service itself keeps it for a second or more,
# so it never closes one on which a request is under way.
IDLE = "500ms"
PATIENCE = "2s"  # for a container that has ended and comes up again: it is asked until then
PAUSE = "50ms"  # between two tries
HEADERS = "10s"  # for a client to say what it wants


def name() -> str:
    """That of their file: other settings have another."""
    return f"{hashlib.sha256(content()).hexdigest()[:16]}.json"


def content() -> bytes:
    """The settings of Caddy."""
    newest = {"root": FOLDER, "try_files": list(SLOTS), "try_policy": "most_recently_modified"}
    led = [
        {"match": [{"vars": {"{http.matchers.file.relative}": [slot, f"/{slot}"]}}], **proxy(slot)}
        for slot in SLOTS
    ]
    routes = [{"match": [{"file": newest}], "handle": [{"handler": "subroute", "routes": led}]}]
    servers = {"public": server(PUBLIC, [*routes, nothing()])}
    servers |= {slot: server(port, [proxy(slot)]) for slot, port in PRIVATE.items()}
    # A key of a client may stand in its headers.
    quiet = {"format": "filter", "wrap": {"format": "json"}}
    quiet |= {"fields": {"request>headers": {"filter": "delete"}}}
    settings = {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR", "encoder": quiet}}},
        "apps": {"http": {"servers": servers}},
    }
    return json.dumps(settings, indent=1).encode()


def server(port: int, routes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "listen": [f":{port}"],
        "automatic_https": {"disable": True},
        "read_header_timeout": HEADERS,
        "routes": routes,
    }


def proxy(slot: str) -> dict[str, Any]:
    transport = {"protocol": "http", "keep_alive": {"idle_timeout": IDLE}}
    # A request that never reached a service is tried again, and no other.
    trying = {"try_duration": PATIENCE, "try_interval": PAUSE}
    handler = {"handler": "reverse_proxy", "upstreams": [{"dial": f"{slot}:{SERVICE}"}]}
    return {"handle": [{**handler, "transport": transport, "load_balancing": trying}]}


def nothing() -> dict[str, Any]:
    """What clients are told before the first release."""
    error: dict[str, object] = {
        "field": None,
        "rule": "no release serves here yet",
        "count": 1,
        "rows": [],
    }
    headers = {"Content-Type": ["application/json"], "Retry-After": ["5"]}
    said = {"status_code": 503, "headers": headers, "body": json.dumps({"errors": [error]})}
    return {"handle": [{"handler": "static_response", **said}]}
