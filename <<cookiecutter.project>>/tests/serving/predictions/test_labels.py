"""Labels come with the ids of their predictions, or are refused without being quoted."""

import pytest

from serving.predictions import labels
from serving.predictions.log import Label
from serving.refusal import Refusal

NOW = 1000.0


def test_a_label_is_a_number_or_a_truth() -> None:
    body = b'{"labels": [{"id": "a", "label": true}, {"id": "b", "label": 0.5}, '
    body += b'{"id": "c", "label": 2, "at": "2013-12-31T23:59:59+00:00"}]}'

    assert labels.read(body, 3, NOW) == [
        Label("a", 1.0, NOW),
        Label("b", 0.5, NOW),
        Label("c", 2.0, 1388534399.0),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 422),
        (b'{"labels": [{"id": "a", "label": NaN}]}', 400),
        (b"[]", 422),
        (b'{"labels": []}', 422),
        (b'{"labels": [{"id": "a"}]}', 422),
        (b'{"labels": [{"id": "a", "label": null}]}', 422),
        (b'{"labels": [{"id": "a", "label": "XSECRETX"}]}', 422),
        (b'{"labels": [{"id": "XSECRETX XSECRETX", "label": 1}]}', 422),
        (b'{"labels": [{"id": "a", "label": 1, "more": 1}]}', 422),
        (b'{"labels": [{"id": "a", "label": 1, "at": "2013-12-31T23:59:59"}]}', 422),
        (b'{"labels": [' + b'{"id": "a", "label": 1},' * 3 + b'{"id": "a", "label": 1}]}', 413),
    ],
)
def test_what_is_no_label_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(Refusal) as caught:
        labels.read(body, 3, NOW)

    assert caught.value.status == status
    assert "XSECRETX" not in str(caught.value.as_dict())


def test_a_wrong_label_is_named_by_its_place() -> None:
    with pytest.raises(Refusal) as caught:
        labels.read(b'{"labels": [{"id": "a", "label": 1}, {"id": 1, "label": 1}]}', 3, NOW)

    (error,) = caught.value.errors
    assert error.field == "labels[1].id"
    assert "str" in error.rule
