"""Where the caches limit a fast core: writes docs/high-frequency-study.md with its pictures.

    make core-study

From the published runs of gem5, and from runs of our own workloads.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.high_frequency import plots
from benchmarks.high_frequency.bandwidth import bandwidth_table, busy_levels, ports_table
from benchmarks.high_frequency.figures import figures
from benchmarks.high_frequency.kernels import kernel_bars, kernel_figures, kernels_alone_table
from benchmarks.high_frequency.tables import (
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
from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.gem5_configs.runs import KERNELS, PUBLISHED, REPEATED, MeasuredRun, read_runs
from tilewright.gem5_configs.speedup import Curves, measured_speedups, predicted_speedups
from tilewright.sim.config.host import CORES

TEMPLATE = Path(__file__).parent / "study.md"
DOCS = Path(__file__).parents[2] / "docs" / "high-frequency-study.md"
IMAGES = DOCS.parent / "images"
Drawing = Callable[[Path], Path]
"""Draws a picture into a file."""

CAPTIONS = {
    "speedup": "Speed-up",
    "cpi": "Where the time goes",
    "busy": "How busy each level is",
    "clocks": "What is left with a slow part",
    "in-order": "In-order against out-of-order cores with slow caches",
}
NAMES = {"o3": "Out-of-order core", "minor": "In-order core"}


def pictures(runs: Runs) -> dict[str, Drawing]:
    """Return the pictures of some runs, by the name of their file."""
    found: dict[str, Drawing] = {}
    if compared := in_order_speeds(runs):
        found["high-frequency-in-order.png"] = partial(
            plots.draw_bars,
            title="Speed over the out-of-order core at 4 GHz; all caches at 4 GHz, measured",
            bars=compared,
        )
    for core in runs.cores:
        start, name = runs.baselines[core], NAMES[core]
        found[f"high-frequency-cpi-{core}.png"] = partial(
            plots.draw_shares,
            title=f"{name}: shares of the time, predicted; at the end of each bar, cycles of the core an instruction",
            stacks=labelled_stacks(start),
        )
        if core != OUT_OF_ORDER:
            continue
        found["high-frequency-speedup.png"] = partial(
            plots.draw_variants,
            title=f"{name}, speed-up over itself at 4 GHz: lines predicted, points measured",
            predicted=headed(predicted_speedups(start)),
            measured=headed(measured_speedups(start, runs.runs)),
        )
        found["high-frequency-busy.png"] = partial(
            plots.draw_busy,
            title=f"{name} at 4 and 100 GHz: how busy fetch, first level of data, crossbars and memory are, measured",
            tables=busy_levels(runs, core),
        )
        found["high-frequency-clocks.png"] = partial(
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


def shown(drawn: Iterable[str], kind: str) -> str:
    """Return the Markdown that shows the pictures of a kind."""
    return "\n".join(f"![{CAPTIONS[kind]}](images/{name})\n" for name in drawn if f"-{kind}" in name)


def sections(runs: Runs) -> dict[str, str]:
    """Return what stands for each name in the template."""
    drawn = pictures(runs)
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


def kernel_pictures(whole: Runs, alone: Sequence[MeasuredRun]) -> dict[str, Drawing]:
    """Return the pictures of our own workloads."""
    return {
        "kernels-speedup.png": partial(
            plots.draw_bars,
            title="Out-of-order core, 100 GHz over 4 GHz, measured: kernels alone, and whole programs of two sizes",
            bars=kernel_bars(whole, alone),
        )
    }


def kernel_sections(whole: Runs, alone: Sequence[MeasuredRun]) -> dict[str, str]:
    """Return what stands in the template for our own workloads."""
    return {
        "kernels alone": kernels_alone_table(alone),
        "kernels picture": shown(kernel_pictures(whole, alone), "speedup"),
        "kernels speedups": speedup_table(whole),
        "kernels in order": in_order_table(whole),
    }


@dataclass(frozen=True)
class Everything:
    """All that the study is about."""

    published: Runs
    kernels: Runs
    """Whole runs of our own workloads."""
    alone: list[MeasuredRun]
    """Pairs of runs of them, which their kernels are taken from."""

    @classmethod
    def read(cls) -> "Everything":
        """Return what is committed."""
        return cls(Runs.read(PUBLISHED, CORES), Runs.read(KERNELS, CORES), read_runs(REPEATED))

    def text(self) -> str:
        """Return the study."""
        parts = sections(self.published) | kernel_sections(self.kernels, self.alone)
        return filled(TEMPLATE, parts | figures(self.published) | kernel_figures(self.kernels, self.alone))

    def pictures(self) -> dict[str, Drawing]:
        """Return all pictures, by the name of their file."""
        return pictures(self.published) | kernel_pictures(self.kernels, self.alone)


def main() -> None:
    """Write the study and draw its pictures."""
    everything = Everything.read()
    IMAGES.mkdir(exist_ok=True)
    for name, drawing in everything.pictures().items():
        drawing(IMAGES / name)
    write_text(DOCS, everything.text())


if __name__ == "__main__":
    main()
