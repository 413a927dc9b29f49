"""What `mlflow.pyfunc.load_model` runs: the service's own way from a row to its answer.

It lies in the registry with the release's code and model. MLflow executes it when a version is
made and when one is loaded, so a model is code and data, no pickle. No command imports it.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd  # type: ignore[import-untyped]
from mlflow.pyfunc.model import PythonModel


class Flavor(PythonModel):
    """Rows of the contract without the target → the column `prediction`."""

    def load_context(self, context: Any) -> None:
        from pipeline import files
        from serving import model, release
        from serving.rows.contract import Contract

        held = release.read(Path(context.artifacts["manifest"]).parent, others=False)
        self.predictor = model.load(held)
        self.contract = Contract(held.json(files.CONTRACT))

    def predict(
        self,
        context: Any,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        from serving.refusal import Refusal

        # As JSON says it: null for what is unknown.
        known = model_input.astype(object).where(model_input.notna(), None)
        try:
            rows = self.contract.rows(self.contract.whole(known.to_dict("records")))
        except Refusal as refused:
            raise ValueError(str(refused)) from None
        return pd.DataFrame({"prediction": self.predictor(self.contract.columns(rows)).tolist()})


mlflow.models.set_model(Flavor())
