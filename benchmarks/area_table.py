"""Writes the coefficients of area of a process, and docs/area.md: how they were fitted, and how far off they are.

Synthesises parts of small accelerators, fits, and compares with whole accelerators that were not fitted. Takes hours
the first time; results are kept, so that another run takes minutes. Needs the liberty files of :mod:`.open_processes`.
"""

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.area_fit import fitted, ranges, unfitted
from benchmarks.area_grid import COMPONENTS, HELD_OUT, POINTS, Point
from benchmarks.area_parts import Measured, measure, measure_point
from benchmarks.open_processes import PROCESSES, complete_process
from benchmarks.pages import filled
from tilewright.base.cache import remember
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tools import SynthesisTools, find_synthesis_tools
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.work_power import cell_netlist, net_energies
from tilewright.sim.config import load_system
from tilewright.sim.config.process import process_file
from tilewright.sim.energy.area import FILE, AreaModel, UnitArea, part_area, unit_areas
from tilewright.sim.energy.structure import UNITS

PROCESS = "SG13G2"
PAGE = Path(__file__).parents[1] / "docs" / "area.md"
TEMPLATE = Path(__file__).with_suffix(".md")
SYSTEMS = ("nano", "tiny", "small", "edge-int4", "edge-int8")
"""Presets of the table of areas."""
REGISTER = "module register(input clk, input [63:0] d, output reg [63:0] q); always @(posedge clk) q <= d; endmodule\n"
CHECK_COLUMNS = (
    "accelerator", "synthesised mm²", "model mm²", "error", "SRAM mm²", "error without SRAM", "error of leakage",
    "unit that is most off",
)  # fmt: skip
UNIT_COLUMNS = ("unit", *(f"{name} mm²" for name in SYSTEMS))
COEFFICIENT_COLUMNS = ("part", "of each", "µm²", "leakage nW", "flip-flops")


@dataclass(frozen=True)
class Check:
    """An accelerator that was not fitted: areas of its units by synthesis and by the model, in µm²."""

    name: str
    synthesised: Mapping[str, float]
    model: Mapping[str, float]
    macros_um2: float
    leakage_uw: tuple[float, float]
    """Leakage by synthesis and by the model."""

    @property
    def error(self) -> float:
        """Relative error of the area of the whole accelerator."""
        return sum(self.model.values()) / sum(self.synthesised.values()) - 1

    @property
    def error_of_cells(self) -> float:
        """Relative error of the area without SRAM macros, of which the model has the same number."""
        return self.error * sum(self.synthesised.values()) / (sum(self.synthesised.values()) - self.macros_um2)

    @property
    def worst(self) -> tuple[str, float]:
        """Unit with the largest relative error of its area, and this error."""
        errors = {unit: self.model[unit] / um2 - 1 for unit, um2 in self.synthesised.items() if um2}
        unit = max(errors, key=lambda unit: abs(errors[unit]))
        return unit, errors[unit]


def clock_pj(tools: SynthesisTools, library: Library) -> float:
    """Return the energy of a flip-flop in a cycle in which nothing but the clock moves, in pJ; 0 without OpenSTA."""
    if tools.sta is None:
        return 0
    design = cell_netlist(REGISTER, "register", tools.yosys, library, remember=remember("synth"))
    return net_energies(tools.sta, design, library).clock_pj / 64


def check(name: str, measured: Sequence[Measured], model: AreaModel, library: Library) -> Check:
    """Return the areas of an accelerator of which all parts were synthesised."""
    synthesised, modelled = dict.fromkeys(UNITS, 0.0), dict.fromkeys(UNITS, 0.0)
    in_macros = leakage = leakage_modelled = 0.0
    for each in measured:
        macros_um2 = sum(count * model.macros[macro].area_um2 for macro, count in each.cost.macros.items())
        found = part_area(each.part, model)
        synthesised[each.part.unit] += each.count * (each.cost.cells_um2 + macros_um2)
        modelled[each.part.unit] += each.part.count * (found.cells_um2 + found.macros_um2)
        in_macros += each.count * macros_um2
        of_macros = sum(count * model.macros[macro].leakage_uw for macro, count in each.cost.macros.items())
        leakage += each.count * (each.cost.cells_leakage_uw(library) + of_macros)
        leakage_modelled += each.part.count * found.leakage_uw
    return Check(name, synthesised, modelled, in_macros, (leakage, leakage_modelled))


def parts_of(point: Point, tools: SynthesisTools, library: Library) -> list[Measured]:
    """Return all parts of the whole accelerator of a point."""
    config = point.system.accelerator
    return list(measure(COMPONENTS["accelerator"](config), "accelerator", config, tools.yosys, library))


def toml(model: AreaModel) -> str:
    """Return a model as the text of its file."""
    lines = [
        "# Written by `python -m benchmarks.area_table`; do not edit. docs/area.md says what the figures are.",
        f"clock_pj = {model.clock_pj:.5g}",
        f"bit_area_um2 = {model.bit_area_um2}",
        "",
        "[tools]",
        *(f'{name} = "{version}"' for name, version in model.tools.items()),
    ]
    for name, macro in model.macros.items():
        lines += ["", f"[macros.{name}]", *(f"{key} = {_value(value)}" for key, value in macro.model_dump().items())]
    for part, features in model.parts.items():
        lines += ["", f"[parts.{part}]"]
        for feature, figures in features.items():
            inside = ", ".join(f"{key} = {value:.5g}" for key, value in figures.model_dump().items())
            lines.append(f'"{feature}" = {{{inside}}}')
    for part, spans in model.ranges.items():
        lines += ["", f"[ranges.{part}]"]
        lines += [
            f'"{name}" = {{least = {span.least:g}, greatest = {span.greatest:g}}}' for name, span in spans.items()
        ]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:.6g}" if isinstance(value, float) else str(value)


def check_row(found: Check) -> list[str]:
    """Return a row of the table of checks."""
    unit, error = found.worst
    areas = (sum(found.synthesised.values()), sum(found.model.values()))
    return [
        found.name,
        *(f"{um2 / 1e6:.3f}" for um2 in areas),
        f"{found.error:+.1%}",
        f"{found.macros_um2 / 1e6:.3f}",
        f"{found.error_of_cells:+.1%}",
        f"{found.leakage_uw[1] / found.leakage_uw[0] - 1:+.1%}",
        f"{unit} {error:+.1%}",
    ]


def unit_rows(model: AreaModel) -> list[list[str]]:
    """Return the areas of the units of presets; an asterisk says that a figure is extrapolated."""
    found: dict[str, list[UnitArea]] = {name: unit_areas(load_system(name).accelerator, model) for name in SYSTEMS}
    rows = [
        [unit, *(f"{of[index].area_um2 / 1e6:.3f}{'*' if of[index].extrapolated else ''}" for of in found.values())]
        for index, unit in enumerate(UNITS)
    ]
    sums = [f"{sum(each.area_um2 for each in of) / 1e6:.2f}" for of in found.values()]
    macros = [f"{sum(each.macros_um2 for each in of) / 1e6:.2f}" for of in found.values()]
    leakage = [f"{sum(each.leakage_uw for each in of):.1f}" for of in found.values()]
    clock = [f"{sum(each.clock_pj for each in of):,.0f}" for of in found.values()]
    return [*rows, ["all", *sums], ["SRAM of it", *macros], ["leakage µW", *leakage], ["clock pJ a cycle", *clock]]


def coefficient_rows(model: AreaModel) -> list[list[str]]:
    """Return the coefficients that are not zero."""
    return [
        [part, feature, f"{each.area_um2:,.4g}", f"{1000 * each.leakage_uw:,.3g}", f"{each.flip_flops:,.3g}"]
        for part, features in model.parts.items()
        for feature, each in features.items()
        if each.area_um2 or each.flip_flops
    ]


def publish(
    fit: Sequence[Measured], held_out: Mapping[str, Sequence[Measured]], tools: SynthesisTools, library: Library
) -> None:
    """Fit, check, and write the coefficients and the page."""
    process = PROCESSES[PROCESS]
    versions = {tool.name: tool.version for tool in (tools.yosys, tools.sta) if tool}
    model = fitted(unfitted(library, versions, round(clock_pj(tools, library), 6)), fit, library)
    checks = [check(name, found, model, library) for name, found in held_out.items()]
    everything = [*fit, *(each for found in held_out.values() for each in found)]
    model = model.model_copy(update={"ranges": ranges(everything)})
    write_text(process_file(PROCESS, FILE), toml(model))
    errors = [abs(each.error) for each in checks]
    parts = {
        "process": f"{PROCESS}, {process.about}, {library.voltage_v:g} V, {library.temperature_c:g} °C",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "points": str(len(POINTS)),
        "measured": str(len(fit)),
        "worst": f"{max(errors):.1%}",
        "median": f"{statistics.median(errors):.1%}",
        "count": str(len(checks)),
        "checks": markdown_table(CHECK_COLUMNS, [check_row(each) for each in checks]),
        "systems": markdown_table(UNIT_COLUMNS, unit_rows(model)),
        "clock": f"{model.clock_pj:.3g}",
        "coefficients": markdown_table(COEFFICIENT_COLUMNS, coefficient_rows(model)),
    }
    write_text(PAGE, filled(TEMPLATE, parts))
    count, worst, median = (parts[name] for name in ("count", "worst", "median"))
    print(f"{count} accelerators that were not fitted: {worst} off at worst, median {median}")


def main() -> None:
    """Synthesise parts of small accelerators and whole ones, and publish what follows."""
    process = complete_process(PROCESS)
    library, tools = read_library((*process.files, *process.macros)), find_synthesis_tools()
    fit: list[Measured] = []
    for point in POINTS:
        print(*point.components, dict(point.changes), file=sys.stderr, flush=True)
        fit += measure_point(point, tools.yosys, library)
    held_out = {}
    for name, point in HELD_OUT.items():
        print(name, file=sys.stderr, flush=True)
        held_out[name] = parts_of(point, tools, library)
    publish(fit, held_out, tools, library)


if __name__ == "__main__":
    main()
