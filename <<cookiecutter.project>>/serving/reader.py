"""From the bytes of a request to rows that keep the contract, or to a refusal."""

import msgspec

from serving.contract import Contract

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"


class Reader:
    def __init__(self, contract: Contract, most: int) -> None:
        self.contract = contract
        self.most = most  # rows of one request

    def read(self, kind: str, body: bytes) -> list[msgspec.Struct]:
        """The rows of a request to /predict, whose content type is `kind`.

        Raises:
            Refusal: 400, 413, 415 or 422, with every error.
        """
        raise NotImplementedError

    def invocations(self, kind: str, body: bytes) -> list[msgspec.Struct]:
        """The rows of a request to /invocations, in MLflow's formats.

        Raises:
            Refusal: as above.
        """
        raise NotImplementedError
