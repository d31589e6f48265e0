"""Energy, timeline and picture of a run."""

import json
from unittest import mock

import pytest
from matplotlib.container import BarContainer

from tests.pictures import text_problems
from tilewright.base.drawing import new_figure, save
from tilewright.sim.config import load_system
from tilewright.sim.config.dram import load_dram
from tilewright.sim.energy.area_picture import draw_area
from tilewright.sim.energy.events import Counts
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.energy.system_area import system_area
from tilewright.sim.plots import breakdown, folded
from tilewright.sim.roofline import RooflinePoint, roofline
from tilewright.sim.trace import Span, perfetto_json


def test_energy_is_events_times_energy_each():
    system = load_system("edge-int4")
    items = {item.name: item for item in energy(Counts(memory_bytes=1000, macs=10**6), system)}
    assert items["main memory"].joules == 8000 * load_dram("LPDDR5").pj_per_bit.mid.value * 1e-12
    assert items["CIM multiply-accumulate"].joules == 10**6 * 0.045e-12
    assert all(item.source != "no source given" for item in items.values())
    bare = system.with_({"memory.energy_pj_per_bit": 2, "memory.background_mw": 3}).replace(sources={})
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


def test_slivers_are_folded_into_one_bar():
    bars = [("a", 50.0), ("tiny", 0.4), ("b", 49.0), ("small", 0.6)]
    assert folded(bars) == [("a", 50.0), ("b", 49.0), ("2 others", 1.0)]
    assert folded(bars[:3]) == [("a", 50.0), ("b", 49.0), ("tiny", 0.4)], "one sliver keeps its name"
    assert folded([]) == []
    assert folded([("nothing", 0.0), ("none", 0.0)]) == [("nothing", 0.0), ("none", 0.0)]


@pytest.mark.parametrize("name", ["attention", "model.layers." * 300])
def test_no_text_of_the_picture_lies_on_other_text(tmp_path, name):
    time = [(name, 1e7), *((f"operator {index}", 1e6 / (index + 1)) for index in range(30))]
    bounds = [("whole run", 1.4e7), ("DRAM bound", 1.3e7), ("compute bound", 0.0)]
    with text_problems() as problems:
        energy = [("main memory", 1e4, 1e5, 1e6), ("CIM", 1e-3, 1e-3, 1e-3)]
        operators = [(label, value / 2, value, value * 2) for label, value in time]
        breakdown(tmp_path / "x.png", "title", time=time, bounds=bounds, energy=energy, operators=operators)
    assert problems == []
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("high", [3.0, 30.0])
def test_a_bar_of_energy_has_a_line_from_the_low_to_the_high_figure(tmp_path, high):
    drawn = []
    with mock.patch("tilewright.sim.plots.save", lambda figure, path: drawn.append(figure)):
        energy = [("main memory", 1.0, 2.0, high), ("CIM", 0.5, 0.5, 0.5)]
        breakdown(tmp_path / "x.png", "title", time=[("a", 1.0)], bounds=[("a", 1.0)], energy=energy)
    [figure] = drawn
    axes = figure.axes[-1]
    [bars] = [each for each in axes.containers if isinstance(each, BarContainer)]
    lines = bars.errorbar.lines[2][0].get_segments()
    assert [(line[0][0], line[1][0]) for line in lines] == [(1.0, high), (0.5, 0.5)]
    assert axes.get_title(loc="left") == f"energy: 2.5 mJ, 1.5 to {high + 0.5:g} mJ"
    assert axes.get_xlim()[1] > high


def test_text_that_collides_is_found(tmp_path):
    figure, (axes,) = new_figure(1, 1, (3, 3))
    for text, x in (("one", 0.5), ("two", 0.51), ("far", 0.1), ("outside", 2.0)):
        axes.text(x, 0.5, text)
    figure.set_layout_engine("none")
    with text_problems() as problems:
        save(figure, tmp_path / "x.png")
    assert problems == ["'one' lies on 'two'", "'outside' leaves the picture"]


def test_small_parts_of_the_energy_are_one_bar_with_one_line(tmp_path):
    drawn = []
    with mock.patch("tilewright.sim.plots.save", lambda figure, path: drawn.append(figure)):
        operators = [("a", 50.0, 60.0, 70.0), ("tiny", 0.1, 0.2, 0.4), ("b", 1.0, 39.0, 50.0), ("small", 0.2, 0.3, 0.5)]
        breakdown(
            tmp_path / "x.png", "title", time=[("a", 1.0)], bounds=[("a", 1.0)], energy=[("all", 1.0, 2.0, 3.0)],
            operators=operators,
        )  # fmt: skip
    axes = drawn[0].axes[-1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "2 others"]
    [bars] = [each for each in axes.containers if isinstance(each, BarContainer)]
    lines = bars.errorbar.lines[2][0].get_segments()
    assert [x for line in lines for x in (line[0][0], line[1][0])] == pytest.approx([50, 70, 1, 50, 0.3, 0.9])


def drawn_roofline(tmp_path, operators):
    """Return the axes of a roofline: 10 GB/s of memory, an engine of 100 GMAC/s and one of 400."""
    drawn = []
    run = RooflinePoint("run", sum(each.macs for each in operators), sum(each.bytes for each in operators), 1.0)
    with mock.patch("tilewright.sim.roofline.save", lambda figure, path, **options: drawn.append(figure)):
        peaks = {"array": 100.0, "NPE": 400.0}
        roofline(tmp_path / "x.png", "title", operators=operators, run=run, gbytes_per_s=10.0, peaks=peaks)
    return drawn[0].axes[0]


def test_operators_lie_under_the_roofs_where_their_figures_say(tmp_path):
    operators = [RooflinePoint("a", 30 * 10**9, 10 * 10**9, 0.75), RooflinePoint("norm", 0, 10**9, 0.25)]
    axes = drawn_roofline(tmp_path, operators)
    array, npe, memory = (line.get_xydata() for line in axes.lines)
    # Roofs meet where the memory brings as many bytes as the engine needs.
    assert array[0] == pytest.approx([10, 100])
    assert npe[0] == pytest.approx([40, 400])
    assert memory[1] == pytest.approx([40, 400])
    assert memory[0][1] == pytest.approx(10 * memory[0][0])
    places = [each.get_offsets()[0].tolist() for each in axes.collections]
    assert places == [pytest.approx([3, 40]), pytest.approx([30 / 11, 30])], "an operator without products has no place"


def test_no_text_of_a_roofline_or_an_area_lies_on_other_text(tmp_path):
    operators = [RooflinePoint("model.layers." * 9 + str(at), 10**9, 10**6 * (at + 1), 0.05) for at in range(12)]
    run = RooflinePoint("whole run", 12 * 10**9, 10**8, 0.7)
    system = load_system("tiny").with_(process="SG13G2")
    with text_problems() as problems:
        roofline(
            tmp_path / "roofline.png", "title", operators=operators, run=run, gbytes_per_s=51.2,
            peaks={"CIM array": 32768.0, "NPE, fp4_e2m1": 256.0},
        )  # fmt: skip
        draw_area(tmp_path / "area.png", system.name, system_area(system))
    assert problems == []


def test_units_are_drawn_to_scale(tmp_path):
    system = load_system("tiny").with_(process="SG13G2")
    area, drawn = system_area(system), []
    with mock.patch("tilewright.sim.energy.area_picture.save", lambda figure, path, **options: drawn.append(figure)):
        draw_area(tmp_path / "x.png", system.name, area)
    bars = [each for each in drawn[0].axes[0].containers if not each.get_label().startswith("_")]
    found = {bar.get_label().partition(":")[0]: bar[0].get_width() * bar[0].get_height() for bar in bars}
    assert found == pytest.approx({unit.unit: unit.area_um2 / 1e6 for unit in area.units if unit.area_um2})
