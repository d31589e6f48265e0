"""Files of a report: JSON, a timeline and pictures."""

from pathlib import Path
from typing import TYPE_CHECKING

from tilewright.base.files import write_json, write_text
from tilewright.mapping.compile.mapping_file import write_mapping
from tilewright.sim.energy.area_picture import draw_area
from tilewright.sim.plots import breakdown
from tilewright.sim.roofline import RooflinePoint, roofline
from tilewright.sim.trace import perfetto_json

if TYPE_CHECKING:
    from tilewright.mapping.report import MapResult


def write_report(result: "MapResult", folder: Path) -> list[Path]:
    """Write map.json, map.trace.json, map.png, map.roofline.png, of a system with a process map.area.png, and of a
    search mapping.json.

    Their paths are returned.

    Raises
    ------
    ConfigError
        If a file cannot be written.
    """
    title = f"{result.name}, {result.phase} at context {result.context}, on {result.system.name}"
    pictures = [_breakdown(result, title, folder / "map.png"), _roofline(result, title, folder / "map.roofline.png")]
    if result.area:
        pictures.append(draw_area(folder / "map.area.png", result.system.name, result.area))
    return [
        write_json(folder / "map.json", result.to_dict()),
        write_text(folder / "map.trace.json", perfetto_json(result.spans, title)),
        *pictures,
        *([write_mapping(folder / "mapping.json", result.mapping)] if result.search else []),
    ]


def _breakdown(result: "MapResult", title: str, path: Path) -> Path:
    per_us = result.system.clock_mhz
    time = [(row.name, row.cycles / per_us) for row in result.rows if row.cycles]
    bounds = [
        ("whole run", result.cycles / per_us),
        ("DRAM bound", result.dram_bound_cycles / per_us),
        (f"{result.bounds.busiest} bound", result.compute_bound_cycles / per_us),
    ]
    energy = [
        (item.name, joules.low * 1e3, joules.mid * 1e3, joules.high * 1e3)
        for item, joules in ((item, item.range_j) for item in result.energy)
    ]
    operators = [(row.name, row.energy.low * 1e3, row.energy.mid * 1e3, row.energy.high * 1e3) for row in result.rows]
    return breakdown(path, title, time=time, bounds=bounds, energy=energy, operators=operators)


def _roofline(result: "MapResult", title: str, path: Path) -> Path:
    system, hertz = result.system, result.system.clock_mhz * 1e6
    points = [RooflinePoint(row.name, row.macs, row.memory_bytes, row.cycles / hertz) for row in result.rows]
    whole = RooflinePoint("whole run", sum(row.macs for row in result.rows), result.memory_bytes, result.seconds)
    peaks = {} if system.cim is None else {"CIM array": system.cim_array.macs_per_cycle}
    if system.npe is not None:
        widest = max(system.npe.modes, key=lambda mode: mode.lanes)
        peaks[f"NPE, {widest.value}"] = system.npe.macs_per_cycle(widest)
    return roofline(
        path, title, operators=points, run=whole, gbytes_per_s=float(system.memory_bytes_per_cycle) * hertz / 1e9,
        peaks={name: rate * hertz / 1e9 for name, rate in peaks.items()},
    )  # fmt: skip
