"""A record says what the table then has, and one that can't be read is counted."""

from msgspec import Raw

from serving import record
from serving.record import LABELS, PREDICTIONS, About, Label

ABOUT = About("tree", "dev", 3, 0.5)
FIRST = f"{'0' * 16}{record.FIRST}"


def test_predictions_come_out_as_they_went_in() -> None:
    rows = record.encode((1.5, "r", FIRST, 0.25, [0.5, None], Raw(b'[{"a":1},{"a":2}]')))
    assert record.predictions(rows, ABOUT) == [
        (FIRST, 1.5, "tree", "dev", 3, "r", 0.25, '{"a":1}', 0.5, True),
        (record.ids(FIRST, 2)[1], 1.5, "tree", "dev", 3, "r", 0.25, '{"a":2}', None, None),
    ]


def test_ids_follow_one_another() -> None:
    assert record.ids(FIRST, 3) == [f"{'0' * 16}{record.FIRST + each}" for each in range(3)]


def test_what_can_not_be_read_is_counted_and_the_rest_is_kept() -> None:
    label = Label(FIRST, 1.0, 2.0)
    short = record.encode((1.0, "r", FIRST, 0.0, [0.5, 0.5], Raw(b"[{}]")))
    found = record.parsed(
        [
            (PREDICTIONS, 2, short),
            (PREDICTIONS, 3, b"{"),
            (LABELS, 4, b'[["x"]]'),
            (LABELS, 1, record.encode([label])),
        ],
        ABOUT,
    )
    assert found == ([], [label], 9)
