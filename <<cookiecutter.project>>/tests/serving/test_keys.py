"""Who has a key may ask; a file that is none is refused, and nothing of it told."""

import hashlib
import hmac
from pathlib import Path

import pytest

from pipeline.stage import StageError
from serving import keys
from serving.keys import Keys

FIRST, SECOND = "a long and random text", "another one"


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
def known() -> Keys:
    return Keys({"one": hashed(FIRST), "two": hashed(SECOND)})


@pytest.mark.parametrize(
    ("authorization", "key", "right"),
    [
        (f"Bearer {FIRST}", "", True),
        (f"bearer  {SECOND} ", "", True),
        ("", FIRST, True),
        ("", SECOND, True),
        ("", "", False),
        (FIRST, "", False),
        (f"Basic {FIRST}", "", False),
        ("Bearer ", "", False),
        (f"Bearer {FIRST}x", "", False),
        ("", hashed(FIRST), False),
        (f"Bearer {FIRST}", "wrong", False),
    ],
)
def test_a_key_comes_in_either_header(
    known: Keys, authorization: str, key: str, right: bool
) -> None:
    assert known.allow(authorization.encode(), key.encode()) is right


def test_every_key_is_compared_whichever_is_right(
    known: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for key in (FIRST, SECOND, "wrong"):
        compared.clear()
        known.allow(b"", key.encode())
        assert len(compared) == 2


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# who may ask\n\none {hashed(FIRST)}\ntwo\t{hashed(SECOND)}\n")

    assert keys.read(path).allow(b"", SECOND.encode())
    assert not keys.read(path).allow(b"", b"")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no API key"),
        ("# nobody\n", "holds no API key"),
        (f"one {FIRST}", "line 1: must be a name"),
        (f"one {hashed(FIRST)}\nXSECRETX", "line 2: must be a name"),
        (f"one {hashed(FIRST)[:-1]}", "line 1: must be a name"),
        (f"one {hashed(FIRST).upper()}", "line 1: must be a name"),
        (f"one {hashed(FIRST)}\none {hashed(SECOND)}", "line 2: must be a name of its own"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)

    with pytest.raises(StageError, match=message) as caught:
        keys.read(path)

    assert FIRST not in str(caught.value)
    assert "XSECRETX" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="the API keys can't be read: No such file"):
        keys.read(tmp_path / "keys")
