"""A refusal says what is wrong in one form, for clients and for people."""

from serving.refusal import Error, Refusal, refusal


def test_clients_read_every_error_in_one_form() -> None:
    refused = Refusal(422, [Error("month", "is missing", 7, (0, 2)), Error(None, "too much")])

    assert refused.as_dict() == {
        "errors": [
            {"field": "month", "rule": "is missing", "count": 7, "rows": [0, 2]},
            {"field": None, "rule": "too much", "count": 1, "rows": []},
        ]
    }


def test_people_read_one_line() -> None:
    refused = Refusal(422, [Error("month", "is missing", 7, (0, 2)), Error(None, "too much")])

    assert str(refused) == "month: is missing: 7 rows (0, 2, …); too much"


def test_the_request_as_a_whole_may_be_wrong() -> None:
    refused = refusal(503, "later", retry=2)

    assert (refused.status, refused.retry) == (503, 2)
    assert refused.errors == [Error(None, "later")]
