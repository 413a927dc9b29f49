"""Compare the working copy's model with another commit's: reports/review.md and review.html.

    python -m review --base dev [--prod main]

Exit code 1 names the gates that failed.
"""

import argparse
from typing import Any

from pipeline import files, params
from pipeline.evaluate import METRICS, metric_named
from pipeline.metrics import Metric
from pipeline.stage import StageError, project, run
from review import compare, drift, gates, holdout, report, version
from review.render import markdown, page
from review.version import Version

MARKDOWN = files.REPORTS / "review.md"
HTML = files.REPORTS / "review.html"
FLIPS = 20  # examples; a reviewer reads fewer
OWN = ("id", "label", "prediction")  # the others are columns that the contract lets people see


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m review", description=__doc__)
    parser.add_argument("--base", metavar="REF", help="what the change is compared with")
    parser.add_argument("--prod", metavar="REF", help="what runs in PROD, as a third column")
    given = parser.parse_args()
    candidate = version.candidate()
    base = version.restore("base", given.base) if given.base else None
    prod = version.restore("PROD", given.prod) if given.prod else None
    found = findings(candidate, base, prod, params.read())
    written = report.document(project(), found)
    with files.replacing(MARKDOWN) as temporary:
        temporary.write_text(markdown.markdown(written))
    with files.replacing(HTML) as temporary:
        temporary.write_text(page.html(written))
    print(f"{written.lead}\n{MARKDOWN}\n{HTML}")
    if found.failed:
        lines = "\n".join(f"  {gate.name}: {gate.reason}" for gate in found.failed)
        raise StageError(f"{len(found.failed)} gates of params.yaml failed:\n{lines}")


def findings(
    candidate: Version, base: Version | None, prod: Version | None, settings: params.Params
) -> report.Findings:
    primary = metric_named(settings.evaluate.primary, "evaluate.primary")
    for name in settings.gates.limits:
        metric_named(name, "gates.limits")
    changes, slices, flips, note = [], [], None, ""
    if base:
        pairing = holdout.pair(base, candidate)
        note = pairing.note
        if pairing.rows.height:
            rows, chosen = pairing.rows, settings.evaluate
            shown = [name for name in candidate.predictions.columns if name not in OWN]
            least = settings.gates.slice_rows
            changes = compare.changes(rows, METRICS, primary.name)
            slices = compare.slices(rows, chosen.slices, primary, least)
            flips = compare.flips(rows, chosen.threshold, shown, FLIPS)
    against = holdout.pair(prod, candidate).rows if prod else None
    statistics = candidate.json(files.STATISTICS)
    was = base.json(files.STATISTICS) if base else {}
    facts = gates.Facts(
        scores=candidate.json(files.METRICS)["model"],
        change=changes[0] if changes else None,
        slices=scores(candidate, primary),
        model_bytes=candidate.json(files.COST)["model_bytes"],
        violations=candidate.json(files.VALIDATION)["violations"],
    )
    same_data = base is not None and same(files.RAW, base, candidate)
    raw = files.read_parquet(files.RAW) if base and not same_data else None
    return report.Findings(
        candidate=candidate,
        base=base,
        prod=prod,
        primary=primary,
        note=note,
        changes=changes,
        against_prod=compare.changes(against, METRICS, primary.name)
        if against is not None and against.height
        else [],
        slices=slices,
        flips=flips,
        gates=gates.judge(facts, settings.gates, METRICS, primary),
        parameters=differences(base.settings, candidate.settings) if base else [],
        schema=drift.schema_changes(was, statistics) if base else [],
        drifts=drift.drifts(was, statistics, raw) if raw is not None else [],
        same_data=same_data,
    )


def scores(candidate: Version, primary: Metric) -> list[gates.SliceScore]:
    return [
        gates.SliceScore(row["slice"], row["value"], row["rows"], row[primary.name])
        for row in candidate.json(files.SLICES)
    ]


def same(path: Any, base: Version, candidate: Version) -> bool:
    return base.outputs.get(str(path)) == candidate.outputs.get(str(path))


def differences(base: Any, candidate: Any, at: str = "") -> list[tuple[str, Any, Any]]:
    """Every key that two settings do not share, dotted, with both values (None: not there)."""
    if not (isinstance(base, dict) and isinstance(candidate, dict)):
        return [] if base == candidate else [(at, base, candidate)]
    return [
        found
        for key in dict.fromkeys([*base, *candidate])
        for found in differences(base.get(key), candidate.get(key), f"{at}.{key}" if at else key)
    ]


if __name__ == "__main__":
    run("review", main)
