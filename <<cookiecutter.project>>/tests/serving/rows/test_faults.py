"""All that is wrong is counted, and what a client wrote is bounded in every direction."""

from serving.refusal import Error
from serving.rows.faults import LONGEST, MOST, NAMED, UNKNOWN, Faults, shown


def test_a_rule_is_counted_and_its_first_rows_are_named() -> None:
    faults = Faults()
    for place in range(10):
        faults.add("a", "is missing", place)

    assert faults.errors() == [Error("a", "is missing", 10, tuple(range(NAMED)))]


def test_there_are_no_more_errors_than_anybody_reads() -> None:
    faults = Faults()
    for place in range(10 * MOST):
        faults.add(str(place), "is missing", 0)
    faults.add("0", "is missing", 1)

    assert len(faults.errors()) == MOST
    assert faults.errors()[0].count == 2


def test_unknown_names_are_shortened_and_not_all_are_looked_at() -> None:
    faults = Faults()

    faults.unknown([f"{place:06}" + "x" * 1000 for place in range(10_000)], {"a"}, 0)

    assert len(faults.errors()) == UNKNOWN
    assert {len(error.field or "") for error in faults.errors()} == {LONGEST}
    assert faults.work < 100


def test_a_name_that_utf8_cannot_hold_is_shown_all_the_same() -> None:
    assert shown("a\ud800") == "a?"


def test_the_rest_is_named_as_not_looked_at() -> None:
    faults = Faults()
    while not faults.spent():
        faults.add("a", "is missing", 0)
    faults.rest(7, 10)

    assert faults.errors()[-1] == Error(
        None, "was not looked at: too much is wrong before it", 3, (7,)
    )
