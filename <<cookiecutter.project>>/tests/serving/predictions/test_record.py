"""A record says what the table then has, and one that can't be read is counted."""

from msgspec import Raw

from serving.predictions import record
from serving.predictions.record import LABELS, PREDICTIONS, Answered, Label

FIRST = f"{'0' * 16}{record.FIRST}"


def test_predictions_come_out_as_they_went_in() -> None:
    answered = [("r", 0.25, [0.5, None], [Raw(b'{"a":1}'), {"a": 2}]), ("s", 0.125, [0.25], [{}])]
    said = record.encode((1.5, FIRST, answered))
    assert record.predictions(said, 0.5) == [
        (FIRST, 1.5, "r", 0.25, '{"a":1}', 0.5, True),
        (record.after(FIRST, 1), 1.5, "r", 0.25, '{"a":2}', None, None),
        (record.after(FIRST, 2), 1.5, "s", 0.125, "{}", 0.25, False),
    ]
    assert {decision for *_, decision in record.predictions(said, None)} == {None}


def test_ids_follow_one_another() -> None:
    assert record.after(FIRST, 3) == f"{'0' * 16}{record.FIRST + 3}"


def test_halves_hold_all_of_it_in_order() -> None:
    three: list[Answered] = [("r", 0.5, [each], [each]) for each in (1, 2, 3)]
    assert record.halves(three) == (three[:1], three[1:])
    assert record.halves([("r", 0.5, [1, 2, 3], [4, 5, 6])]) == (
        [("r", 0.5, [1], [4])],
        [("r", 0.5, [2, 3], [5, 6])],
    )


def test_what_can_not_be_read_is_counted_and_the_rest_is_kept() -> None:
    label = Label(FIRST, 1.0, 2.0)
    short = record.encode((1.0, FIRST, [("r", 0.0, [0.5, 0.5], [{}])]))
    found = record.parsed(
        [
            (PREDICTIONS, 2, short),
            (PREDICTIONS, 3, b"{"),
            (LABELS, 4, b'[["x"]]'),
            (LABELS, 1, record.encode([label])),
        ],
        0.5,
    )
    assert found == ([], [label], 9)
