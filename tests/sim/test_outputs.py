"""Energy, timeline and picture of a run."""

import json

from tilewright.sim.config import load_system
from tilewright.sim.energy.events import Counts, energy
from tilewright.sim.plots import breakdown
from tilewright.sim.trace import Span, perfetto_json


def test_energy_is_events_times_energy_each():
    system = load_system("edge-int4")
    items = {item.name: item for item in energy(Counts(memory_bytes=1000, macs=10**6), system)}
    assert items["main memory"].joules == 8000 * 20e-12
    assert items["CIM multiply-accumulate"].joules == 10**6 * 0.045e-12
    assert all(item.source != "no source given" for item in items.values())
    bare = system.replace(sources={})
    assert all(item.source == "no source given" for item in energy(Counts(), bare))


def test_a_trace_has_a_named_track_for_each_unit():
    spans = [Span("DRAM", "q_proj", 0, 640), Span("tile 0", "q_proj", 700, 708), Span("DRAM", "k_proj", 640, 900)]
    trace = json.loads(perfetto_json(spans, "a run"))
    events = trace["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert sorted(names.values()) == ["DRAM", "tile 0"]
    drawn = [(names[e["tid"]], e["name"], e["ts"], e["dur"]) for e in events if e["ph"] == "X"]
    # A microsecond in the file is a thousand cycles.
    assert drawn == [("DRAM", "q_proj", 0, 0.64), ("tile 0", "q_proj", 0.7, 0.008), ("DRAM", "k_proj", 0.64, 0.26)]


def test_a_picture_is_a_png(tmp_path):
    breakdown(tmp_path / "x.png", "title", [("a", 3.0), ("b", 0.0)], [("run", 3.0), ("bound", 2.5)], "µs")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
