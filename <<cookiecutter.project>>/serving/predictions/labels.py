"""What came true, as clients send it to /feedback: labels by the ids of their predictions."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from serving.predictions.log import Label
from serving.refusal import Error, Refusal, refusal


class Said(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,64}\Z")]
    label: float | bool
    at: Annotated[datetime, Meta(tz=True)] | None = None  # of several labels, the newest holds


class Labels(msgspec.Struct, forbid_unknown_fields=True):
    labels: Annotated[list[Said], Meta(min_length=1)]


DECODER = msgspec.json.Decoder(Labels)


def read(body: bytes, most: int, now: float) -> list[Label]:
    """The labels of a request.

    Raises:
        Refusal: 400, 413 or 422.
    """
    try:
        found = DECODER.decode(body).labels
    except msgspec.ValidationError as error:
        rule, _, place = str(error).partition(" - at `$.")
        raise Refusal(422, [Error(place.rstrip("`")[:100] or None, rule[:200])]) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise refusal(400, "the body must be JSON") from None
    if len(found) > most:
        raise refusal(413, f"at most {most} labels; send them in several requests")
    return [Label(one.id, float(one.label), one.at.timestamp() if one.at else now) for one in found]
