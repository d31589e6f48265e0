"""Results of one kind from several folders side by side, with their ratios to the first folder."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Figures = dict[tuple[str, str], float | None]
"""Name and unit of each figure of a result, and its value; None if it is missing."""
Table = Sequence[tuple[str, str, str]]
"""Keys of a result that hold figures, dotted where they are in tables of it, with names and units."""


def _of(table: Table) -> Callable[[Mapping], Figures]:
    return lambda result: {(name, unit): _figure(result, key) for key, name, unit in table}


def _figure(result: Mapping, key: str) -> float | None:
    """Return the figure at a dotted key; None if the result does not have it."""
    table, _, rest = key.partition(".")
    value = result.get(table)
    return _figure(value, rest) if rest and isinstance(value, Mapping) else None if rest else value


def _block_figures(result: Mapping) -> Figures:
    timing = result["timing"]
    rates = timing.get("macs_per_cycle")
    by_format = rates if isinstance(rates, dict) else {}
    return {
        ("latency", "cycles"): timing["latency_cycles"],
        ("time of a vector", "cycles"): timing.get("cycles_per_vector"),
        ("rate", "MAC/cycle"): None if by_format else rates,
        **{(f"rate, {name}", "MAC/cycle"): rate for name, rate in by_format.items()},
    }


def _cosim_figures(result: Mapping) -> Figures:
    cases = result["cases"]
    return {
        ("cases", ""): len(cases),
        ("RTL", "cycles"): sum(case["rtl_cycles"] for case in cases),
        ("model", "cycles"): sum(case["model_cycles"] for case in cases),
        ("values", ""): sum(case["values"] for case in cases),
        ("mismatches", ""): sum(case["mismatches"] for case in cases),
    }


def _run_figures(result: Mapping) -> Figures:
    return {
        ("time", "s"): result["seconds"],
        ("time", "cycles"): result["cycles"],
        **{(name, ""): count for name, count in result["counters"].items()},
    }


def _host_figures(result: Mapping) -> Figures:
    return {
        (f"{row['workload']}, {name}", unit): row[key]
        for row in result["workloads"]
        for key, name, unit in (("seconds", "time", "s"), ("speedup", "speed-up", "over 4 GHz"))
    }


def _gem5_figures(result: Mapping) -> Figures:
    workloads = Counter(run["workload"] for run in result["runs"])
    found: Figures = {}
    for run in result["runs"]:
        name = run["workload"]
        if workloads[name] > 1:
            name = f"{name}, {run['core']}, {run['domains']}, core {run['core_ghz']:g} GHz"
        found[f"{name}, time", "s"] = run["sim_seconds"]
        found[f"{name}, instructions", "per cycle"] = run["ipc"]
    return found


MAP: Table = (
    ("tokens_per_s", "rate", "tokens/s"),
    ("tokens_per_s_with_host", "rate with the host", "tokens/s"),
    ("cycles", "whole run", "cycles"),
    ("dram_bound_cycles", "DRAM bound", "cycles"),
    ("compute_bound_cycles", "compute bound", "cycles"),
    ("bound_fraction", "largest bound / run", ""),
    ("commands", "commands", ""),
    ("macs", "multiply-accumulates", ""),
    ("dram_bytes", "memory moved", "bytes"),
    ("energy_j", "energy", "J"),
    ("energy_range_j.low", "energy, low", "J"),
    ("energy_range_j.high", "energy, high", "J"),
    ("tokens_per_j.low", "tokens for a joule, low", "tokens/J"),
    ("tokens_per_j.mid", "tokens for a joule", "tokens/J"),
    ("tokens_per_j.high", "tokens for a joule, high", "tokens/J"),
    ("area_mm2", "area", "mm2"),
    ("leakage_mw", "leakage", "mW"),
    ("clock_mw", "clocks without gates", "mW"),
    ("idle_clock_mw", "clocks with closed gates", "mW"),
)
SYNTH: Table = (
    ("lut", "look-up tables", ""),
    ("ff", "flip-flops", ""),
    ("cells", "cells", ""),
    ("area_um2", "area", "um2"),
    ("macros_um2", "area of SRAM macros", "um2"),
    ("path_ns", "path", "ns"),
    ("power_uw", "power", "uW"),
    ("leakage_uw", "leakage", "uW"),
)


@dataclass(frozen=True)
class Kind:
    """A kind of result: the command that writes it, its files, the keys that say what it is about, and its figures."""

    command: str
    pattern: str
    about: tuple[str, ...]
    figures: Callable[[Mapping], Figures]


KINDS = {
    "map": Kind("map", "map.json", ("model", "system", "phase", "context"), _of(MAP)),
    "synth": Kind("synth", "*.synth.json", ("block", "configuration"), _of(SYNTH)),
    "blocks": Kind("generate", "*.ports.json", ("module", "configuration"), _block_figures),
    "cosim": Kind("cosim", "cosim-*.json", (), _cosim_figures),
    "run": Kind("program run", "run.json", ("program", "system", "error"), _run_figures),
    "cpu": Kind("cpu predict", "cpu-predict.json", ("core", "clocks"), _host_figures),
    "gem5": Kind("cpu run or cpu stats", "cpu-*.csv", (), _gem5_figures),
}
"""Kinds of results by their names in JSON and CSV."""


@dataclass(frozen=True)
class Row:
    """A figure of every design."""

    figure: str
    unit: str
    values: tuple[float | None, ...]

    @property
    def ratios(self) -> tuple[float | None, ...]:
        """Each value over that of the first design; None where one of them is missing, or the first is 0."""
        first = self.values[0]
        return tuple(value / first if value is not None and first else None for value in self.values)


@dataclass(frozen=True)
class Group:
    """Results of one kind, at most one of each design."""

    kind: str
    results: tuple[str | None, ...]
    """Name of the file of each design; None if the design has none."""
    about: dict[str, tuple[str | None, ...]]
    """Model and system, block and configuration or the like, of each result."""
    rows: tuple[Row, ...]


Results = Mapping[str, Mapping[str, Mapping]]
"""Kind to name of the file to content, of one design."""


def compare(designs: Sequence[Results]) -> tuple[list[Group], list[tuple[int, str, str]]]:
    """Return the groups of results that two or more designs have, and the others: index of the design, kind and file.

    Where every design that has a kind has one result of it, these are compared, whatever the names of their files;
    otherwise results are compared that have the same name.
    """
    groups: list[Group] = []
    single: list[tuple[int, str, str]] = []
    for kind in KINDS:
        of_kind = [design.get(kind, {}) for design in designs]
        if max(map(len, of_kind)) <= 1:
            chosen = [[next(iter(results), None) for results in of_kind]]
        else:
            names = dict.fromkeys(name for results in of_kind for name in results)
            chosen = [[name if name in results else None for results in of_kind] for name in names]
        for files in chosen:
            there = [(index, file) for index, file in enumerate(files) if file is not None]
            if len(there) > 1:
                results = [None if file is None else of_kind[index][file] for index, file in enumerate(files)]
                groups.append(_group(kind, files, results))
            else:
                single += [(index, kind, file) for index, file in there]
    return groups, single


def _group(kind: str, files: Sequence[str | None], results: Sequence[Mapping | None]) -> Group:
    figures = [KINDS[kind].figures(result) if result is not None else {} for result in results]
    names = dict.fromkeys(name for of_design in figures for name in of_design)
    rows = [Row(*name, tuple(of_design.get(name) for of_design in figures)) for name in names]
    about = {
        key: tuple(None if result is None else _text(result.get(key)) for result in results)
        for key in KINDS[kind].about
    }
    return Group(
        kind=kind,
        results=tuple(files),
        about={key: texts for key, texts in about.items() if any(texts)},
        rows=tuple(row for row in rows if any(value is not None for value in row.values)),
    )


def _text(value: object) -> str | None:
    """Return what a result is about in words; parts of a configuration follow one another."""
    if isinstance(value, dict):
        parts = (part if isinstance(part, dict) else f"{key}={_text(part)}" for key, part in value.items())
        return " ".join(_text(part) or "" for part in parts)
    if isinstance(value, list):
        return ",".join(_text(part) or "" for part in value)
    return None if value is None else str(value)


def to_dict(designs: Sequence[str], groups: Iterable[Group], single: Iterable[tuple[int, str, str]]) -> dict:
    """Return a comparison for JSON; a missing figure and its ratio are null."""
    return {
        "designs": list(designs),
        "groups": [
            {
                "kind": group.kind,
                "results": list(group.results),
                "about": {key: list(texts) for key, texts in group.about.items()},
                "figures": [
                    {"figure": row.figure, "unit": row.unit, "values": list(row.values), "ratios": list(row.ratios)}
                    for row in group.rows
                ],
            }
            for group in groups
        ],
        "only_in_one": [{"design": designs[index], "kind": kind, "result": file} for index, kind, file in single],
    }


def to_csv(designs: Sequence[str], groups: Iterable[Group]) -> str:
    """Return a comparison as CSV: a line for each figure, a column for each design, then one for each ratio."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["kind", "result", "figure", "unit", *designs, *(f"{each} / {designs[0]}" for each in designs[1:])])
    for group in groups:
        result = next(name for name in group.results if name is not None)
        for row in group.rows:
            writer.writerow([group.kind, result, row.figure, row.unit, *row.values, *row.ratios[1:]])
    return file.getvalue()
