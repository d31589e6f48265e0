"""Where the caches limit a fast core: writes docs/high-frequency-study.md with its pictures.

    make core-study

From the published runs of gem5, and from runs of our own workloads where ``KERNELS`` is there.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from benchmarks import high_frequency_plots as plots
from benchmarks.high_frequency_bandwidth import bandwidth_table, busy_levels, ports_table
from benchmarks.high_frequency_figures import figures
from benchmarks.high_frequency_tables import (
    HEADINGS,
    OUT_OF_ORDER,
    SHARE,
    Runs,
    clock_curves,
    clocks_table,
    in_order_speeds,
    in_order_table,
    labelled_stacks,
    speedup_table,
    stack_table,
)
from tilewright.gem5_configs.runs import PUBLISHED
from tilewright.gem5_configs.speedup import Curves, measured_speedups, predicted_speedups
from tilewright.sim.config.host import CORES

TEMPLATE = Path(__file__).parent / "high_frequency_study.md"
DOCS = Path(__file__).parents[1] / "docs" / "high-frequency-study.md"
IMAGES = DOCS.parent / "images"
KERNELS = PUBLISHED.with_name("kernels.csv")
"""Runs of our own workloads, from ``tilewright cpu run``."""

Drawing = Callable[[Path], None]
"""Draws a picture into a file."""

CAPTIONS = {
    "speedup": "Speed-up against frequency",
    "cpi": "Where the time goes",
    "busy": "How busy each level is",
    "clocks": "What is left with a slow part",
    "in-order": "In-order against out-of-order cores with slow caches",
}
NAMES = {"o3": "Out-of-order core", "minor": "In-order core"}
NO_KERNELS = f"""Not there yet: their runs take gem5 ([gem5.md](gem5.md)); there was none for this study. To make them:

    tilewright cpu run --workload gemv,gemm,softmax,rmsnorm,sampling --size l1,l2 --cores o3,minor --ghz 10,50,100 \\
        --domains all-cryo,super-core,super-core-l1,super-core-l1-l2,super-core-l1-l2-l3,super-everything --out build

With `build/cpu-run.csv` as `gem5_configs/data/{KERNELS.name}`, `make core-study` writes this section."""


def pictures(runs: Runs, prefix: str) -> dict[str, Drawing]:
    """Return the pictures of some runs, by the name of their file."""
    found: dict[str, Drawing] = {}
    if compared := in_order_speeds(runs):
        found[f"{prefix}-in-order.png"] = partial(
            plots.draw_bars,
            title="Speed over the out-of-order core at 4 GHz; all caches at 4 GHz, measured",
            bars=compared,
        )
    for core in runs.cores:
        start, name = runs.baselines[core], NAMES[core]
        found[f"{prefix}-cpi-{core}.png"] = partial(
            plots.draw_shares,
            title=f"{name}: shares of the time, predicted; at the end of each bar, cycles of the core an instruction",
            stacks=labelled_stacks(start),
        )
        if core != OUT_OF_ORDER:
            continue
        found[f"{prefix}-speedup.png"] = partial(
            plots.draw_variants,
            title=f"{name}, speed-up over itself at 4 GHz: lines predicted, points measured",
            predicted=headed(predicted_speedups(start)),
            measured=headed(measured_speedups(start, runs.runs)),
        )
        found[f"{prefix}-busy.png"] = partial(
            plots.draw_busy,
            title=f"{name} at 4 and 100 GHz: how busy fetch, first level of data, crossbars and memory are, measured",
            tables=busy_levels(runs, core),
        )
        found[f"{prefix}-clocks.png"] = partial(
            plots.draw_clocks,
            title=f"{name}: speed-up that is left where some parts are slower than 100 GHz, predicted",
            kept=clock_curves(start),
            share=SHARE,
        )
    return found


def headed(curves: Curves) -> Curves:
    """Return curves under the headings that tables have."""
    return {
        workload: {HEADINGS[name]: curve for name, curve in of_variants.items()}
        for workload, of_variants in curves.items()
    }


def shown(drawn: Iterable[str], kind: str) -> list[str]:
    """Return the lines that show the pictures of a kind."""
    return [f"![{CAPTIONS[kind]}](images/{name})\n" for name in drawn if f"-{kind}" in name]


def sections(runs: Runs, prefix: str) -> dict[str, list[str]]:
    """Return what stands for each name in the template."""
    drawn = pictures(runs, prefix)
    return {
        "speedups": speedup_table(runs),
        "speedup pictures": shown(drawn, "speedup"),
        "stacks": stack_table(runs),
        "stack pictures": shown(drawn, "cpi"),
        "bandwidth": bandwidth_table(runs),
        "busy pictures": shown(drawn, "busy"),
        "ports": ports_table(runs),
        "in order": in_order_table(runs),
        "in-order picture": shown(drawn, "in-order"),
        "clocks": clocks_table(runs),
        "clock pictures": shown(drawn, "clocks"),
    }


def kernels_section(runs: Runs | None) -> str:
    """Return the section of our own workloads: the tables and pictures of the others, for them."""
    if runs is None:
        return NO_KERNELS
    parts = sections(runs, "kernels")
    headings = {
        "Speed-up at 100 GHz": ("speedups", "speedup pictures"),
        "Where the time goes": ("stacks", "stack pictures"),
        "Latency or bandwidth": ("bandwidth", "busy pictures", "ports"),
        "In-order cores": ("in order", "in-order picture"),
        "Clocks that are needed": ("clocks", "clock pictures"),
    }
    text = [f"Runs in `gem5_configs/data/{KERNELS.name}`; columns as above.\n"]
    for heading, names in headings.items():
        if any(parts[name] for name in names):
            text.append(f"### {heading}\n")
            text += ["\n".join(parts[name]).rstrip() + "\n" for name in names if parts[name]]
    return "\n".join(text).rstrip()


def text_of(published: Runs, kernels: Runs | None) -> str:
    """Return the study."""
    text = TEMPLATE.read_text()
    for name, lines in sections(published, "high-frequency").items():
        text = text.replace(f"{{{name}}}", "\n".join(lines).rstrip())
    for name, figure in figures(published).items():
        text = text.replace(f"{{{name}}}", figure)
    return text.replace("{kernels}", kernels_section(kernels))


def read_all() -> tuple[Runs, Runs | None]:
    """Return the published runs, and those of our own workloads if there are any."""
    return Runs.read(PUBLISHED, CORES), Runs.read(KERNELS, CORES) if KERNELS.exists() else None


def main() -> None:
    """Write the study and draw its pictures."""
    published, kernels = read_all()
    IMAGES.mkdir(exist_ok=True)
    for runs, prefix in ((published, "high-frequency"), (kernels, "kernels")):
        for name, drawing in (pictures(runs, prefix) if runs else {}).items():
            drawing(IMAGES / name)
    DOCS.write_text(text_of(published, kernels))


if __name__ == "__main__":
    main()
