"""Compares the analytic core model with published runs of gem5; writes docs/host-core.md with its pictures.

    make core-table

Every run is predicted from the 4 GHz run of its workload on its core, and from nothing else. Cross-validation fits the
constants anew without a workload, a frequency or a variant, and predicts what was left out.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np

from benchmarks.core_fit import KINDS, Constants, Point, fit, points_of
from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.gem5_configs.core_model import predict
from tilewright.gem5_configs.plots import draw_speedups, draw_stacks
from tilewright.gem5_configs.runs import (
    KERNELS,
    PUBLISHED,
    MeasuredRun,
    baselines,
    published_host,
    read_runs,
    runs_of,
)
from tilewright.gem5_configs.speedup import measured_speedups, predicted_speedups
from tilewright.sim.config.host import CoreKind
from tilewright.sim.config.host_clocks import DOMAINS, domain_clocks

TEMPLATE = Path(__file__).parent / "core_model.md"
DOCS = Path(__file__).parents[1] / "docs" / "host-core.md"
IMAGES = DOCS.parent / "images"
DRAWN_GHZ = 100
"""At which the stacks of docs are drawn, and errors on our own workloads are shown one by one."""

Key = Callable[[Point], Hashable]


def workload(point: Point) -> str:
    """Return what is left out, workload by workload."""
    return point.run.workload


def frequency(point: Point) -> float:
    """Return what is left out, frequency by frequency."""
    return point.run.core_ghz


def variant(point: Point) -> str:
    """Return what is left out, variant by variant."""
    return point.run.domains


def errors(points: Sequence[Point], constants: Constants) -> np.ndarray:
    """Return predicted over measured time, less 1, of each point."""
    return np.array([point.ratio(constants) - 1 for point in points])


def cross_validate(points: Sequence[Point], core: CoreKind, key: Key) -> dict[Hashable, tuple[Constants, np.ndarray]]:
    """Return for each part left out: the constants fitted to all others, and the errors on it."""
    found = {}
    for part in dict.fromkeys(map(key, points)):
        rest = [point for point in points if key(point) != part]
        constants = fit(rest, KINDS[core])
        found[part] = (constants, errors([point for point in points if key(point) == part], constants))
    return found


def summary(found: np.ndarray) -> tuple[str, str]:
    """Return mean and worst absolute error as cells of a table."""
    return f"{np.abs(found).mean():.1%}", f"{np.abs(found).max():.1%}"


def summary_table(by_core: dict[CoreKind, list[Point]]) -> str:
    """Return the table of errors by core: with the constants as they are, and cross-validated."""
    rows = []
    for core, points in by_core.items():
        rows.append((core, "as in the code", len(points), *summary(errors(points, KINDS[core]()))))
        for name, key in (("workload", workload), ("frequency", frequency), ("variant", variant)):
            if len(set(map(key, points))) > 1:
                parts = cross_validate(points, core, key).values()
                left = np.concatenate([found for _, found in parts])
                rows.append((core, f"fitted without the {name}", len(left), *summary(left)))
    return markdown_table(("core", "constants", "runs", "mean error", "worst"), rows)


def constants_table(by_core: dict[CoreKind, list[Point]]) -> str:
    """Return the constants, and what they become without each workload."""
    tables = []
    for core, points in by_core.items():
        names = [field.name for field in fields(KINDS[core])]
        lines = {"as in the code": (KINDS[core](), errors(points, KINDS[core]()))}
        lines |= {f"without {part}": found for part, found in cross_validate(points, core, workload).items()}
        rows = [
            (name, *(f"{value:.3g}" for value in astuple(constants)), *summary(found))
            for name, (constants, found) in lines.items()
        ]
        tables.append(markdown_table((core, *names, "mean error on it", "worst"), rows))
    return "\n".join(tables)


def error_table(points: Sequence[Point], constants: Constants) -> str:
    """Return measured and predicted time of every run, a line for each workload and variant."""
    ghz = sorted({point.run.core_ghz for point in points})
    rows = []
    for name in dict.fromkeys(map(workload, points)):
        for domains in DOMAINS:
            here = [point for point in points if (point.run.workload, point.run.domains) == (name, domains)]
            cells = {point.run.core_ghz: _cell(point, constants) for point in here}
            if cells:
                rows.append((name, domains, *(cells.get(value, "-") for value in ghz)))
    return markdown_table(("workload", "domains", *(f"{value:g} GHz" for value in ghz)), rows)


def kernels_summary(by_core: dict[CoreKind, list[Point]]) -> str:
    """Return the errors on workloads that nothing was fitted to, by core and variant."""
    rows = []
    for core, points in by_core.items():
        constants = KINDS[core]()
        for domains in DOMAINS:
            if here := [point for point in points if point.run.domains == domains]:
                rows.append((core, domains, len(here), *summary(errors(here, constants))))
        rows.append((core, "all", len(points), *summary(errors(points, constants))))
    return markdown_table(("core", "domains", "runs", "mean error", "worst"), rows)


def kernels_table(by_core: dict[CoreKind, list[Point]]) -> str:
    """Return the errors at ``DRAWN_GHZ`` on workloads that nothing was fitted to, a column for each variant."""
    variants = [name for name, parts in DOMAINS.items() if parts]
    rows = []
    for core, points in by_core.items():
        for name in dict.fromkeys(map(workload, points)):
            here = {
                point.run.domains: point for point in points if (workload(point), frequency(point)) == (name, DRAWN_GHZ)
            }
            cells = (f"{here[each].ratio(KINDS[core]()) - 1:+.0%}" if each in here else "-" for each in variants)
            rows.append((core, name, *cells))
    return markdown_table(("core", "workload", *variants), rows)


def _cell(point: Point, constants: Constants) -> str:
    measured = point.run.sim_seconds * 1e3
    ratio = point.ratio(constants)
    return f"{measured:.3f} {measured * ratio:.3f} ({ratio - 1:+.0%})"


def draw(runs: Sequence[MeasuredRun]) -> None:
    """Draw the pictures of docs."""
    found = baselines(runs, "o3", PUBLISHED)
    IMAGES.mkdir(exist_ok=True)
    draw_speedups(
        IMAGES / "host-core-speedup.png",
        "Out-of-order core, speed-up over 4 GHz: lines predicted, points measured",
        predicted_speedups(found),
        measured_speedups(found, runs),
    )
    draw_stacks(
        IMAGES / "host-core-cpi.png",
        f"Out-of-order core, predicted cycles of the core an instruction at {DRAWN_GHZ} GHz",
        {
            name: {
                domains: predict(run, domain_clocks(domains, DRAWN_GHZ)).cpi_stack
                for domains in DOMAINS
                if domains != "baseline"
            }
            for name, run in found.items()
        },
    )


def main() -> None:
    """Write the tables and draw the pictures."""
    runs = read_runs(PUBLISHED)
    draw(runs)
    by_core = {core: points_of(runs, core) for core in KINDS}
    ours = runs_of(read_runs(KERNELS), published_host(), KERNELS)
    kernels = {core: points_of(ours, core) for core in KINDS}
    tables = {
        "summary": summary_table(by_core),
        "constants": constants_table(by_core),
        **{core: error_table(points, KINDS[core]()) for core, points in by_core.items()},
        "kernels summary": kernels_summary(kernels),
        "kernels": kernels_table(kernels),
    }
    write_text(DOCS, filled(TEMPLATE, tables))


if __name__ == "__main__":
    main()
