"""Files of a report: JSON, a timeline and a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from tilewright.base.files import write_json, write_text
from tilewright.sim.plots import breakdown
from tilewright.sim.trace import perfetto_json

if TYPE_CHECKING:
    from tilewright.mapping.report import MapResult


def write_report(result: "MapResult", folder: Path) -> list[Path]:
    """Write map.json, map.trace.json and map.png to a folder; return their paths.

    Raises
    ------
    ConfigError
        If a file cannot be written.
    """
    title = f"{result.name}, {result.phase} at context {result.context}, on {result.system.name}"
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
    picture = breakdown(folder / "map.png", title, time=time, bounds=bounds, energy=energy, operators=operators)
    return [
        write_json(folder / "map.json", result.to_dict()),
        write_text(folder / "map.trace.json", perfetto_json(result.spans, title)),
        picture,
    ]
