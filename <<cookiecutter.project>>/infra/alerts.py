"""What Prometheus is told of an environment: whom to ask, and when somebody has to know.

The names are those of serving/metrics.py. Whoever reads an alert finds the release that it is of.
"""

import json
from typing import Any

from gitops.targets import caddy
from infra.settings import Alerts, Settings

STACK = "${var.stack}"  # no two environments on an engine have the same
FOLDER = "/rules"  # of the volume: what Prometheus reads of projects
# Asked by those who watch, every few seconds: beside them a client's failures would look few.
WATCHERS = "/health/.*|/metrics|/ping|/release|/version"
GONE = "1m"  # four looks: a service that ends is back in seconds, and a new release leaves no gap
ALONE = "5m"  # the others answer meanwhile, so nobody is woken for a restart
WINDOW = "10m"  # forty looks: none of them decides alone
LONG = "1h"  # inputs change by the hour, not by the minute
LEAST = 100  # answers in a window: of fewer, one is more than a hundredth


def files(project: str, settings: Settings) -> dict[str, str]:
    """By path: Prometheus finds targets in JSON, and rules in YAML, of which JSON is a part."""
    told = {"json": targets(settings), "yml": {"groups": [group(project, settings)]}}
    return {f"{FOLDER}/{STACK}.{kind}": json.dumps(what, indent=1) for kind, what in told.items()}


def alias(place: str = "") -> str:
    """Under which a service is known to others; the same in both slots, whichever release it is."""
    return f"{STACK}-service{place}"


def targets(settings: Settings) -> list[dict[str, Any]]:
    places = ["", *(f"-{place}" for place in range(1, settings.workers))]
    at = [f"{alias(place)}:{caddy.SERVICE}" for place in places]
    return [{"targets": at, "labels": {"stack": STACK}}]


def group(project: str, settings: Settings) -> dict[str, Any]:
    labels = {"project": project, "environment": settings.name}
    rules = [*presence(), *answers(settings.alerts), *inputs(settings.alerts)]
    return {"name": STACK, "rules": [one | {"labels": labels | one["labels"]} for one in rules]}


def rule(name: str, expr: str, summary: str, severity: str, after: str = "0s") -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expr,
        "for": after,
        "labels": {"severity": severity},
        "annotations": {"summary": f"{STACK}: {summary}"},
    }


def presence() -> list[dict[str, Any]]:
    up = series("up")
    one = f"{up} == 0 and on (stack) max by (stack) ({up}) == 1"
    return [
        # Also where nobody has told Prometheus whom to ask.
        rule("NoService", f"absent({up} == 1)", "no service answers", "page", GONE),
        rule("ServiceDown", one, "{{ $labels.instance }} does not answer", "ticket", ALONE),
    ]


def answers(limits: Alerts) -> list[dict[str, Any]]:
    asked = f'route!~"{WATCHERS}"'
    all_, failed = (
        grown("service_requests_total", WINDOW, *more)
        for more in ((asked,), (asked, 'status=~"5.."'))
    )
    errors = f"{failed} / {all_} > {limits.errors} and {all_} >= {LEAST}"
    # It is counted over all that is asked: what those who watch ask costs next to nothing.
    buckets = grown("service_request_seconds_bucket", WINDOW, by="stack, le")
    p99 = f"histogram_quantile(0.99, {buckets}) > {limits.p99_seconds}"
    dropped = f"{grown('service_log_dropped', WINDOW)} > 0"
    share, seconds = "{{ $value | humanizePercentage }}", "{{ $value | humanizeDuration }}"
    lost = "{{ $value | humanize }} predictions were kept nowhere"
    return [
        rule("ErrorRate", released(errors), f"{share} of answers are errors of its own", "page"),
        rule("Slow", released(p99), f"one answer in a hundred takes {seconds}", "ticket"),
        rule("PredictionsDropped", released(dropped), lost, "page"),
    ]


def inputs(limits: Alerts) -> list[dict[str, Any]]:
    rows = grown("service_predictions_total", LONG)
    outside = grown("service_out_of_range_total", LONG, by="stack, field")
    beyond = (
        f"{outside} / on (stack) group_left () {rows} > {limits.out_of_range} "
        f"and on (stack) {rows} >= {LEAST}"
    )
    said = "in {{ $value | humanizePercentage }} of rows {{ $labels.field }} is beyond the training"
    return [rule("InputOutOfRange", released(beyond), said, "ticket")]


def series(name: str, *more: str) -> str:
    own = f'stack="{STACK}"'
    return f"{name}{{{', '.join([own, *more])}}}"


def grown(name: str, window: str, *more: str, by: str = "stack") -> str:
    return f"sum by ({by}) (increase({series(name, *more)}[{window}]))"


def released(expr: str) -> str:
    """With the release that answers: one of them, while a new one takes over."""
    return f"({expr}) * on (stack) group_left (release) topk(1, {series('service_info')})"
