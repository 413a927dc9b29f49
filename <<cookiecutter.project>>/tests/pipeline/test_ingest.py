"""A row is what was known when its flight was scheduled, and whether it came late."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline import contract, features, files, ingest, params, schemas
from pipeline.stage import StageError
from tests.projects import change_params

# Known beforehand, and the arrival delay, which makes the label. The rest happened on the day.
SCHEDULE = ["year", "month", "day", "sched_dep_time", "sched_arr_time", "carrier", "flight"]
SCHEDULE += ["tailnum", "origin", "dest", "distance", "time_hour", "arr_delay"]

Tables = dict[str, pl.DataFrame]


def flight(**changed: Any) -> dict[str, Any]:
    """A flight of 10 January, 17:05 by the clock of New York, that came in time."""
    return {
        "year": 2013, "month": 1, "day": 10,
        "dep_time": 1705, "sched_dep_time": 1705, "dep_delay": 0,
        "arr_time": 2010, "sched_arr_time": 2010, "arr_delay": 0,
        "carrier": "UA", "flight": 1, "tailnum": "N1", "origin": "EWR", "dest": "IAH",
        "air_time": 180, "distance": 1400, "hour": 17, "minute": 5,
        "time_hour": "2013-01-10T22:00:00Z",
    } | changed  # fmt: skip


def report(hour: str, temperature: float, origin: str = "EWR") -> dict[str, Any]:
    return {
        "origin": origin, "time_hour": f"2013-01-10T{hour}:00:00Z", "temp": temperature,
        "humid": 50.0, "wind_speed": 5.0, "precip": 0.0, "pressure": 1000.0, "visib": 10.0,
    }  # fmt: skip


def tables_of(*flights: dict[str, Any], weather: list[dict[str, Any]] | None = None) -> Tables:
    numbered = [{**row, "flight": number} for number, row in enumerate(flights, 1)]
    return {
        "flights": pl.DataFrame(numbered),
        "weather": pl.DataFrame(weather or [report("21", 30.0)]),
        "planes": pl.DataFrame({"tailnum": ["N1"], "year": [1999], "seats": [149]}),
    }


def settings(first: int = 1, until: int = 1, every: int = 1) -> params.Ingest:
    return params.Ingest.model_validate({"from": first, "until": until, "every": every})


def rows_of(*flights: dict[str, Any]) -> pl.DataFrame:
    return ingest.ingest(tables_of(*flights), settings())[0].sort("id")


def test_rows_keep_the_contract() -> None:
    contract.check(rows_of(flight(), flight(tailnum=None)), schemas.Raw, "raw")


@pytest.mark.parametrize(("delay", "late"), [(-20, False), (0, False), (14, False), (15, True)])
def test_late_is_fifteen_minutes_or_more(delay: int, late: bool) -> None:
    assert rows_of(flight(arr_delay=delay))["late"].to_list() == [late]


def test_cancelled_and_diverted_flights_are_dropped_and_counted() -> None:
    cancelled = flight(dep_time=None, arr_time=None, arr_delay=None, air_time=None)
    diverted = flight(arr_delay=None, air_time=None)

    raw, counts = ingest.ingest(tables_of(flight(), cancelled, diverted), settings())

    assert raw.height == 1
    assert counts == {"flights": 3, "dropped": 2, "rows": 1}


def test_months_outside_are_excluded() -> None:
    months = [flight(month=month) for month in (1, 2, 3, 4)]

    raw, counts = ingest.ingest(tables_of(*months), settings(first=2, until=3))

    assert raw["month"].to_list() == [2, 3]
    assert counts["flights"] == 2


def test_a_month_without_flights_is_refused_by_its_number() -> None:
    with pytest.raises(StageError, match=r"no rows for month \[2\]; correct ingest.until"):
        ingest.ingest(tables_of(flight(month=1), flight(month=3)), settings(until=3))


def test_every_nth_flight_is_kept_in_order_of_schedule() -> None:
    flights = [flight(sched_dep_time=1700 + minute) for minute in (5, 3, 1, 4, 2, 0)]

    raw, counts = ingest.ingest(tables_of(*flights), settings(every=2))

    assert raw["departure"].to_list() == [1020, 1022, 1024]
    assert counts["flights"] == 3


@pytest.mark.parametrize(
    ("clock", "minutes"),
    [(0, 0), (1, 1), (59, 59), (100, 60), (1305, 785), (2359, 1439), (2400, 0)],
)
def test_clock_times_are_minutes_since_midnight(clock: int, minutes: int) -> None:
    rows = rows_of(flight(sched_dep_time=clock, sched_arr_time=clock))

    assert rows.select("departure", "arrival").row(0) == (minutes, minutes)


@pytest.mark.parametrize(
    ("clock", "hours"),
    [(559, "night"), (600, "morning"), (1159, "morning"), (1200, "afternoon"), (1659, "afternoon"),
     (1700, "evening"), (2359, "evening")],
)  # fmt: skip
def test_bands_of_hours(clock: int, hours: str) -> None:
    assert rows_of(flight(sched_dep_time=clock))["hours"].to_list() == [hours]


def test_the_day_of_the_week_starts_with_monday() -> None:
    # 10 January 2013 was a Thursday.
    assert rows_of(flight(), flight(day=13))["weekday"].to_list() == [4, 7]


def test_congestion_counts_what_is_scheduled_from_the_same_airport_in_the_same_hour() -> None:
    cancelled = flight(arr_delay=None)  # it was scheduled all the same
    elsewhere = flight(origin="JFK")
    later = flight(time_hour="2013-01-10T23:00:00Z")

    rows = rows_of(flight(), flight(), cancelled, elsewhere, later)

    assert sorted(rows["congestion"]) == [1, 1, 3, 3]


def test_a_plane_is_looked_up_in_the_register() -> None:
    rows = rows_of(flight(tailnum="N1"), flight(tailnum="N2"), flight(tailnum=None))

    assert rows["plane_year"].to_list() == [1999.0, None, None]
    assert rows["seats"].to_list() == [149.0, None, None]


def test_weather_is_the_report_of_the_hour_before_and_of_no_other() -> None:
    reports = [report(hour, float(hour)) for hour in ("19", "20", "21", "22", "23")]
    reports += [report("21", 99.0, origin="JFK")]

    raw, _ = ingest.ingest(tables_of(flight(), weather=reports), settings())
    absent, _ = ingest.ingest(tables_of(flight(), weather=[*reports[:2], *reports[3:]]), settings())

    assert raw["temperature"].to_list() == [21.0]
    assert absent["temperature"].to_list() == [None]


def test_a_report_made_twice_makes_no_row_twice() -> None:
    raw, _ = ingest.ingest(
        tables_of(flight(), weather=[report("21", 1.0), report("21", 2.0)]), settings()
    )

    assert raw["temperature"].to_list() == [1.0]


def test_the_real_year(tables: Tables) -> None:
    raw, counts = ingest.ingest(tables, settings(until=12))

    assert counts == {"flights": 336_776, "dropped": 9_430, "rows": 327_346}
    assert raw["month"].unique().to_list() == [*range(1, 13)]
    assert 0.2 < float(raw["late"].mean() or 0) < 0.3  # type: ignore[arg-type]


def test_no_weather_of_the_flight_s_own_hour_or_later_has_a_way_in(tables: Tables) -> None:
    moment = "2013-07-10T18:00:00Z"
    unknown = pl.col("time_hour") >= moment
    numbers = ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]
    weather = tables["weather"].with_columns(
        pl.when(unknown).then(None).otherwise(pl.col(name)).alias(name) for name in numbers
    )
    wanted = tables["flights"].filter((pl.col("time_hour") <= moment) & (pl.col("month") == 7))
    before = tables | {"flights": wanted}

    rows = ingest.ingest(before, settings(7, 7))[0]

    assert rows["temperature"].null_count() < rows.height / 10
    assert ingest.ingest(before | {"weather": weather}, settings(7, 7))[0].equals(rows)


def test_nothing_that_happened_on_the_day_has_a_way_in(tables: Tables, raw: pl.DataFrame) -> None:
    flights = tables["flights"].with_columns(pl.exclude(SCHEDULE).shuffle(seed=1))
    assert not flights.equals(tables["flights"])

    again, _ = ingest.ingest(tables | {"flights": flights}, settings(until=12, every=40))

    assert again.equals(raw)
    assert matrix(again) == matrix(raw)


def test_the_arrival_delay_makes_the_label_and_nothing_else(
    tables: Tables, raw: pl.DataFrame
) -> None:
    turned = (pl.col("arr_delay") < ingest.LATE).cast(pl.Int64) * ingest.LATE
    flights = tables["flights"].with_columns(turned.alias("arr_delay"))

    again, _ = ingest.ingest(tables | {"flights": flights}, settings(until=12, every=40))

    assert again["late"].to_list() == (~raw["late"]).to_list()
    assert again.drop("late").equals(raw.drop("late"))


def matrix(raw: pl.DataFrame) -> bytes:
    encodings = features.fit(raw.filter(pl.col("month") < 11), smoothing=200)
    return features.matrix(features.columns_of(raw), encodings).tobytes()


def test_the_stage_writes_rows_and_counts(
    project: Path, tables: Tables, raw: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_params(project, ingest={"every": 40})
    monkeypatch.setattr(ingest, "table", tables.__getitem__)

    ingest.main()

    assert files.read_parquet(files.RAW).equals(raw)
    assert files.read_json(files.INGEST)["rows"] == raw.height


def test_a_package_without_its_table_says_what_to_do() -> None:
    with pytest.raises(StageError, match=r"no trains\.csv; run `make setup` again"):
        ingest.table("trains")
