"""The contract: one pandera model per boundary.

The stages, the tests, the review and everything that follows read these classes. A field's
metadata says what people may see and how they read it: `unit`, `shareable` (its values may
stand in a report), `private` (the log of predictions keeps a hash of it at most), `key`, `target`.
"""

import pandera.polars as pa
import polars as pl

AIRPORTS = ["EWR", "JFK", "LGA"]
CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL"]
CARRIERS += ["HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"]

SHAREABLE = {"shareable": True}


def minutes() -> dict[str, object]:
    return {"unit": "minutes since midnight, local time", "shareable": True}


class Raw(pa.DataFrameModel):
    """A scheduled flight, the weather one hour before it, and whether it came late."""

    id: str = pa.Field(unique=True, metadata={"key": True}, description="origin, hour, flight")
    month: int = pa.Field(ge=1, le=12, metadata=SHAREABLE)
    day: int = pa.Field(ge=1, le=31, metadata=SHAREABLE)
    weekday: int = pa.Field(ge=1, le=7, metadata=SHAREABLE, description="1 is Monday")
    departure: int = pa.Field(ge=0, le=1439, metadata=minutes(), description="as scheduled")
    arrival: int = pa.Field(ge=0, le=1439, metadata=minutes(), description="as scheduled")
    hours: str = pa.Field(isin=["night", "morning", "afternoon", "evening"], metadata=SHAREABLE)
    carrier: str = pa.Field(isin=CARRIERS, metadata=SHAREABLE)
    origin: str = pa.Field(isin=AIRPORTS, metadata=SHAREABLE)
    destination: str = pa.Field(str_matches=r"^[A-Z]{3}$", metadata=SHAREABLE)
    distance: float = pa.Field(ge=1, le=10000, metadata={"unit": "miles", **SHAREABLE})
    congestion: int = pa.Field(
        ge=1, le=200, metadata={"unit": "flights", **SHAREABLE}, description="from here this hour"
    )
    plane_year: float = pa.Field(ge=1950, le=2013, nullable=True, metadata=SHAREABLE)
    seats: float = pa.Field(ge=1, le=600, nullable=True, metadata=SHAREABLE)
    temperature: float = pa.Field(ge=-40, le=130, nullable=True, metadata={"unit": "°F"})
    humidity: float = pa.Field(ge=0, le=100, nullable=True, metadata={"unit": "%"})
    wind: float = pa.Field(ge=0, le=150, nullable=True, metadata={"unit": "mph"})
    precipitation: float = pa.Field(ge=0, le=10, nullable=True, metadata={"unit": "inches"})
    pressure: float = pa.Field(ge=900, le=1100, nullable=True, metadata={"unit": "millibars"})
    visibility: float = pa.Field(ge=0, le=10, nullable=True, metadata={"unit": "miles"})
    late: bool = pa.Field(metadata={"target": True}, description="arrived 15 minutes late or more")

    class Config:
        strict = True


class Features(pa.DataFrameModel):
    """What the model sees beside its float32 columns: the row's key, its part and its label."""

    id: str = pa.Field(unique=True)
    part: str = pa.Field(isin=["train", "validation", "holdout"])
    label: float = pa.Field(isin=[0.0, 1.0])


class Predictions(pa.DataFrameModel):
    """What the model said of the holdout."""

    id: str = pa.Field(unique=True)
    label: float = pa.Field(isin=[0.0, 1.0])
    prediction: pl.Float32 = pa.Field(ge=0, le=1)
