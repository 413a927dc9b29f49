"""The contract of a row as data: models/contract.json, made from the pandera model `Raw`."""

from collections.abc import Sequence
from typing import Any

import msgspec

from serving.field import Field
from serving.refusal import Error


class Contract:
    """What a row must be, what its columns are, and what the log keeps of it."""

    schema: dict[str, Any]
    fields: tuple[Field, ...]
    Row: type[msgspec.Struct]

    def __init__(self, schema: Any) -> None:
        """Take models/contract.json, parsed.

        Raises:
            StageError: it is no contract.
        """

    def columns(self, rows: Sequence[msgspec.Struct]) -> dict[str, Any]:
        """The rows as `features.matrix` takes them: numbers as arrays, with NaN for null."""
        raise NotImplementedError

    def errors(self, rows: Sequence[Any]) -> list[Error]:
        """Every rule that these rows, decoded as JSON and no further, break; bounded."""
        raise NotImplementedError

    def kept(self, rows: Sequence[msgspec.Struct], key: bytes = b"") -> bytes:
        """The rows for the log, as a JSON array: private fields hashed, or left out without a key."""
        raise NotImplementedError
