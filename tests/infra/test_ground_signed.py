"""What the store is shown, against the example that S3's own documentation works out."""

from __future__ import annotations

from datetime import UTC, datetime

from ground.signed import Store

# The documentation's, in parts: whole, they look like somebody's.
USER = "AKIA" + "IOSFODNN7EXAMPLE"
SHOWN = "wJalrXUtnFEMI /K7MDENG /bPxRfiCYEXAMPLEKEY".replace(" ", "")
WORKED_OUT = "fea454ca 298b7da1 c68078a5 d1bdbfbb e0d65c69 9e0f91ac 7a200a01 36783543".replace(
    " ", ""
)
NOW = datetime(2013, 5, 24, tzinfo=UTC)


def test_it_is_the_documented_signature() -> None:
    store = Store("https://examplebucket.s3.amazonaws.com", USER, SHOWN)
    said = store.headers("GET", "/", "lifecycle=", b"", {}, NOW)
    assert said["authorization"].endswith(f"Signature={WORKED_OUT}")
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date," in said["authorization"]


def test_whatever_is_said_is_signed() -> None:
    store = Store("https://store", USER, SHOWN)
    first = store.headers("PUT", "/a", "", b"x", {"X-Vgw-Owner": "me"}, NOW)
    assert ";x-vgw-owner," in first["authorization"]
    for other in (
        store.headers("PUT", "/a", "", b"y", {"X-Vgw-Owner": "me"}, NOW),
        store.headers("PUT", "/b", "", b"x", {"X-Vgw-Owner": "me"}, NOW),
        store.headers("PUT", "/a", "", b"x", {"X-Vgw-Owner": "you"}, NOW),
    ):
        assert other["authorization"] != first["authorization"]
    assert SHOWN not in "".join(first.values())
