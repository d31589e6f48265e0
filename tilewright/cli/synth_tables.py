"""The table of what blocks cost, from the JSON that ``synth`` writes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tilewright.base.tables import terminal_table

if TYPE_CHECKING:
    from rich.console import Console


def print_synth(console: "Console", results: list[dict]) -> None:
    """Print what blocks cost, by which tools, and what was missing."""
    columns = (
        ("LUT", "lut", ",d"),
        ("FF", "ff", ",d"),
        ("cells", "cells", ",d"),
        ("area um2", "area_um2", ",.0f"),
        ("path ns", "path_ns", ",.2f"),
        ("power uW", "power_uw", ",.1f"),
        ("leakage uW", "leakage_uw", ",.3f"),
    )
    labels = ("block", "options")
    table = terminal_table((*labels, *(f">{heading}" for heading, _, _ in columns)), title="synthesis", fold=labels)
    notes: dict[str, None] = {}
    for result in results:
        figures = ["-" if result.get(key) is None else format(result[key], form) for _, key, form in columns]
        table.add_row(result["block"], _options(result["configuration"]), *figures)
        said = ", ".join(f"{name} {version}" for name, version in result["tools"].items())
        notes[f"by {said}; cells of {result['liberty'] or 'no liberty file'}"] = None
        if library := result.get("library"):
            notes[_library(library)] = None
            notes |= dict.fromkeys(_macros(result, library))
        if result.get("clock_gates"):
            notes[_clock_gates(result)] = None
        if result["path_ns"] is not None:
            notes["path: gates alone, no wires, clock-to-output or set-up"] = None
        if result["power_uw"] is not None:
            notes |= dict.fromkeys(_power(result))
        if scaled := result.get("scaled"):
            notes |= dict.fromkeys(_scaled(scaled))
        memory = {name: count for name, count in result["primitives"].items() if name.startswith(("RAM", "SRL"))}
        if memory:
            listed = ", ".join(f"{count:,} {name}" for name, count in memory.items())
            notes[f"{result['block']}: memory not counted as LUT: {listed}"] = None
        notes |= dict.fromkeys(result["missing"])
        notes |= {f"{result['block']}: no {part}: {reason}": None for part, reason in result.get("failed", {}).items()}
    console.print(table)
    for note in notes:
        console.print(f"  {note}")


def _library(library: dict) -> str:
    """Return the units and operating conditions of a library."""
    first, *others = library["names"]
    more = f" and {len(others)} more" if others else ""
    known = {"process": library["process"], "V": library["voltage_v"], "C": library["temperature_c"]}
    given = {name: "not stated" if value is None else f"{value:g}" for name, value in known.items()}
    return (
        f"library {first}{more}: {library['cells']} cells; process {given['process']}, {given['V']} V, {given['C']} C; "
        f"unit of time {library['time_unit']}"
    )


def _macros(result: dict, library: dict) -> Iterator[str]:
    """Yield what memories became: macros with their figures, and macros that no memory can become."""
    known = {macro["name"]: macro for macro in library.get("macros", ())}
    if unused := [name for name, macro in known.items() if not macro["two_ports"]]:
        yield f"memories: {len(unused)} macros with one port are not used: words are read and written at once"
    if result.get("macros_um2") is None:
        return
    leakage = result["macros_leakage_uw"]
    yield (
        f"memories: macros of {result['macros_um2']:,.0f} um2, in the area, and "
        f"{'a leakage that is not stated' if leakage is None else _uw(leakage) + ' of leakage'}, not in the power"
    )
    for name, count in result["macros"].items():
        figures = (
            ("read", "read_pj", "pJ"),
            ("write", "write_pj", "pJ"),
            ("set-up", "setup_ns", "ns"),
            ("access", "access_ns", "ns"),
        )
        macro = known[name]
        said = ", ".join(
            f"{label} {'not stated' if macro[key] is None else f'{macro[key]:.3g} {unit}'}"
            for label, key, unit in figures
        )
        yield f"memories: {count:,} {name}: {said}"


def _clock_gates(result: dict) -> str:
    """Return how many clock gates there are, and before how many flip-flops."""
    return (
        f"clock: {result['clock_gates']:,} gates before {result['gated_flip_flops']:,} of {result['flip_flops']:,} "
        "flip-flops; --no-clock-gates leaves them out"
    )


def _power(result: dict) -> Iterator[str]:
    """Yield the conditions of a power figure, its parts, and what it leaves out."""
    yield (
        f"power: at {result['power_clock_mhz']:g} MHz, each data input changing in {result['power_activity']:.0%} of "
        f"the cycles, at the edge of the clock; {result.get('power_output_load_ff', 0):g} fF at each output; no wires"
    )
    if result.get("switching_uw") is None:
        return
    parts = ((name, result[f"{name}_uw"]) for name in ("internal", "switching", "leakage"))
    yield "power: " + ", ".join(f"{name} {'not known' if uw is None else _uw(uw)}" for name, uw in parts)
    if factor := result["internal_factor"]:
        sta = result["tools"]["sta"]
        yield f"power: internal power of OpenSTA {sta} is divided by {factor:g}; docs/synth.md"
    if result["clock_tree_uw"] is None:
        yield "clock: no flip-flops, no clock tree"
    else:
        yield (
            f"clock: {_uw(result['clock_pins_uw'])} of the power{_idle(result)}; on top of it a tree, assumed, of "
            f"{result['clock_tree']}: {_uw(result['clock_tree_uw'])}"
        )
    for part, cells in result["power_lacks"].items():
        yield f"power: the library states no {part.removesuffix('_uw')} power of {', '.join(cells)}: not counted"


def _idle(result: dict) -> str:
    """Return what the clock takes while all gates are closed, if that is less."""
    idle = result.get("clock_idle_uw")
    return "" if idle in (None, result["clock_pins_uw"]) else f", {_uw(idle)} while its gates pass nothing"


def _scaled(scaled: dict) -> Iterator[str]:
    """Yield the figures that are estimates for another process."""
    powers = [scaled[part] for part in ("internal_uw", "switching_uw")]
    figures = {
        "area": scaled["area_um2"] and f"{scaled['area_um2']:,.3g} um2",
        "path": scaled["path_ns"] and f"{scaled['path_ns']:.2f} ns",
        "power without leakage": None if None in powers else _uw(sum(powers)),
    }
    known = ", ".join(f"{name} {figure}" for name, figure in figures.items() if figure)
    yield f"{scaled['to']['node_nm']:g} nm: {known}"
    yield f"{scaled['to']['node_nm']:g} nm: {scaled['remark']}"


def _uw(power: float) -> str:
    return f"{power:,.0f} uW" if power >= 100 else f"{power:.3g} uW"


def _options(configuration: dict) -> str:
    """Return a configuration on one line, those of its parts included."""
    parts = []
    for key, value in configuration.items():
        parts.append(_options(value) if isinstance(value, dict) else f"{key}={value}")
    return " ".join(parts)
