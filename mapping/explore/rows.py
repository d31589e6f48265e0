"""The front as the rows of a table, for CSV, tables and the page."""

from collections.abc import Mapping
from typing import Any

from tilewright.mapping.explore.refusals import refusal_lines
from tilewright.mapping.explore.result import Exploration


def front_rows(result: Exploration) -> list[dict[str, Any]]:
    """Return a row for each design on the front: fields, exact objectives, bound, and shares of the time."""
    return [
        {
            "number": point.number,
            "recommended": point is result.recommended,
            **point.changes,
            **point.objectives,
            "binding": point.binding,
            "equal": point.equal,
            **{f"time to {gain.resource}": gain.share for gain in point.gains},
        }
        for point in result.front
    ]


def varied(result: Exploration) -> list[str]:
    """Return the fields that differ among the designs of the front; all fields if there is one design."""
    rows: list[Mapping[str, object]] = [point.changes for point in result.front]
    return [path for path in rows[0] if len(rows) == 1 or len({row[path] for row in rows}) > 1]


def summary(result: Exploration) -> list[str]:
    """Return lines about how the front was found, each without a full stop."""
    rate = result.evaluated / result.estimate_seconds if result.estimate_seconds else 0.0
    lines = [
        f"{result.method}: {result.evaluated:,} of {result.space.size:,} designs looked at, {result.legal:,} of them "
        f"legal, in {result.estimate_seconds:.1f} CPU-s ({rate:,.0f} a second)",
        *refusal_lines(result.refusals),
    ]
    if (error := result.error) is None:
        lines.append("each design that was not run is dominated by one that was, by its bounds already")
    else:
        lines.append(
            f"estimates: {error.worst:.2%} off at worst and {error.median:.2%} in the median, over {error.designs:,} "
            f"designs; {error.stated_worst:.2%} was known before"
        )
    if (epsilon := result.space.search.epsilon) is not None:
        lines.append(
            f"epsilon front: each design of the space has one here that is at most {epsilon:.2%} worse, besides the "
            "error of the estimates"
        )
    lines.append(
        f"exact model: {result.candidates:,} designs that may be on the front, {result.exact_runs:,} runs, "
        f"{result.exact_seconds:.1f} CPU-s"
    )
    return lines
