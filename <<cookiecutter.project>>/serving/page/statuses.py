"""How a request is refused: the statuses, what each says, and what every answer's headers are."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

# Either is taken, in a header.
KEYS: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "an API key of this service"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the same"},
}
HEADERS: Json = {
    "X-Request-ID": {
        "schema": {"type": "string"},
        "description": "the request's name in the log: the client's own, or a new one",
    },
    "Retry-After": {
        "schema": {"type": "integer", "minimum": 0},
        "description": "seconds after which to ask again",
    },
}
ERRORS: Json = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["field", "rule", "count", "rows"],
                "properties": {
                    "field": {
                        "type": ["string", "null"],
                        "description": "null where the request as a whole is wrong",
                    },
                    "rule": {"type": "string", "description": "that is broken"},
                    "count": {"type": "integer", "description": "of the rows that break it"},
                    "rows": {
                        "type": "array",
                        "items": {"type": "integer", "minimum": 0},
                        "description": "the first of them, from 0",
                    },
                },
            },
        }
    },
}
# Each status that refuses a request: its name in the document, and what it says.
REFUSED: Mapping[int, tuple[str, str]] = {
    400: ("NotJson", "The body is not what its content type says."),
    401: ("NoKey", "No API key came with the request, or one that this service does not know."),
    408: ("TooSlow", "The request did not come in the time that one has."),
    413: ("TooLarge", "More bytes or more rows than one request may have."),
    415: ("OtherType", "A content type that is not read here."),
    422: ("Broken", "Rows break the contract; every rule that is broken, and no value."),
    429: ("TooMany", "As many requests as this service takes at one time are under way."),
    431: ("LongHead", "More bytes of headers than a request may have."),
    500: ("Fault", "A fault of the service; its log says where."),
    503: ("Away", "The service is ending, or took too long; another one answers soon."),
}
LATER = (429, 503)  # statuses that say when to ask again


def response(status: int, text: str) -> Json:
    headers = ["X-Request-ID", *(["Retry-After"] if status in LATER else [])]
    return {
        "description": text,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}},
    }


RESPONSES: Json = {name: response(status, text) for status, (name, text) in REFUSED.items()}
