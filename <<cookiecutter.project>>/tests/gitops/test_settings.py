"""A wrong setting is refused with its file, key, value and rule, in one line each."""

from typing import Annotated

import pytest
from pydantic import Field, field_validator

from gitops.settings import LONGEST, Refused, Strict, parse


class Inner(Strict):
    many: Annotated[int, Field(ge=1)] = 1


class Example(Strict):
    name: str
    share: float = 0.5
    inner: Inner = Inner()

    @field_validator("name")
    @classmethod
    def lower(cls, name: str) -> str:
        if name != name.lower():
            raise ValueError(f"{name!r} must be in lower case")
        return name


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({}, "a.toml: name: missing; add it"),
        ({"name": "a", "nmae": 1}, "a.toml: nmae: unknown key; remove it or correct its name"),
        ({"name": 1}, "a.toml: name = 1: Input should be a valid string"),
        ({"name": "A"}, "a.toml: name: 'A' must be in lower case"),
        ({"name": "a", "share": "0.5"}, "a.toml: share = '0.5': Input should be a valid number"),
        ({"name": "a", "share": float("nan")}, "a.toml: share = nan: .*finite number"),
        ({"name": "a", "inner": {"many": 0}}, r"a.toml: inner.many = 0: .*greater than or equal"),
        ({"name": "a", "inner": {"many": True}}, "a.toml: inner.many = True: .*valid integer"),
        ({"name": "a", "inner": {"many": 1, "x": 1}}, "a.toml: inner.x: unknown key; .*"),
        ("", "a.toml: Invalid JSON: EOF while parsing.*"),
        ("{", "a.toml: Invalid JSON: EOF while parsing.*"),
        ("[1]", "a.toml: Input should be an object"),
        ('{"name": "a", "share": NaN}', "a.toml: share = nan: .*finite number"),
        ('{"name": "a"} {}', "a.toml: Invalid JSON: trailing characters.*"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, object] | str, refusal: str) -> None:
    with pytest.raises(Refused, match=f"^{refusal}"):
        parse(Example, values, "a.toml")


def test_every_wrong_key_has_a_line_and_a_long_value_is_cut() -> None:
    with pytest.raises(Refused) as caught:
        parse(Example, {"name": ["x\n" * 5000], "share": "no", "more": 1}, "a.toml")

    lines = str(caught.value).splitlines()
    assert [line.split()[1] for line in lines] == ["name", "share", "more:"]
    assert all(len(line) < LONGEST + 100 for line in lines)


def test_what_is_right_is_frozen() -> None:
    found = parse(Example, '{"name": "a", "share": 1}', "a.toml")

    assert (found.name, found.share) == ("a", 1.0)
    with pytest.raises(ValueError, match="frozen"):
        found.name = "b"
