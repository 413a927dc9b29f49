"""What a model must beat: the mean of the labels, and a linear model on the same features."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROWS = 100_000  # a linear model of a few dozen numbers learns nothing from more


def predictions(
    frame: pl.DataFrame, names: list[str], objective: str, seed: int
) -> dict[str, Floats]:
    """Each baseline's predictions of the holdout, fitted on the training rows.

    `frame` holds the columns of the contract `Features` and the features `names`.
    """
    # Loading scikit-learn takes longer than a whole review, which only reads the metrics.
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    training = frame.filter(pl.col("part") == "train")
    training = training.sample(min(ROWS, training.height), seed=seed)
    holdout = frame.filter(pl.col("part") == "holdout").select(names).to_numpy()
    label = training["label"].to_numpy()
    mean = np.full(len(holdout), float(label.mean()))
    binary = objective == "binary"
    regression = LogisticRegression() if binary else LinearRegression()
    linear = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), regression)
    linear.fit(training.select(names).to_numpy(), label)
    predicted = linear.predict_proba(holdout)[:, 1] if binary else linear.predict(holdout)
    return {"mean": mean, "linear": predicted}
