"""Timelines for Perfetto (ui.perfetto.dev), in the JSON of the Trace Event Format."""

import json
from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """Cycles in which a unit was busy: ``start`` to ``end``, the latter excluded."""

    unit: str
    name: str
    start: int
    end: int


def perfetto_json(spans: Iterable[Span], title: str) -> str:
    """Return a trace with one track for each unit, in order of first use.

    One cycle is shown as one nanosecond: the format counts in microseconds.
    """
    tracks: dict[str, int] = {}
    events: list[dict] = []
    for span in spans:
        track = tracks.setdefault(span.unit, len(tracks) + 1)
        events.append(
            {
                "name": span.name,
                "ph": "X",
                "pid": 1,
                "tid": track,
                "ts": span.start / 1000,
                "dur": (span.end - span.start) / 1000,
            }
        )
    names = [{"name": "process_name", "ph": "M", "pid": 1, "args": {"name": title}}]
    for unit, track in tracks.items():
        names.append({"name": "thread_name", "ph": "M", "pid": 1, "tid": track, "args": {"name": unit}})
        names.append({"name": "thread_sort_index", "ph": "M", "pid": 1, "tid": track, "args": {"sort_index": track}})
    body = {
        "displayTimeUnit": "ns",
        "otherData": {"title": title, "time": "1 ns = 1 cycle"},
        "traceEvents": names + events,
    }
    return json.dumps(body, separators=(",", ":"))
