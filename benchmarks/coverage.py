"""Writes docs/coverage.md: what the benches have exercised, and why some bins are not hit.

    python -m benchmarks.coverage

Nothing is simulated: the cases of the benches run on the exact models.
"""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from time import process_time

from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.cocotb_tests.coverage.collect import BENCHES, Bench
from tilewright.cocotb_tests.coverage.points import Coverage, Explained, Hole

TEMPLATE = Path(__file__).with_suffix(".md")
PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"
SECONDS_STEP = 10


def page(collected: dict[Bench, Coverage], seconds: float) -> str:
    """Return the page for what has been collected in some seconds of CPU time."""
    explained = {bench: bench.explained(coverage) for bench, coverage in collected.items()}
    summary = "\n".join(
        f"| {bench.about} | {_bins(coverage)} | {_bins(coverage) - _left(explained[bench])} | "
        f"{len(explained[bench].holes)} | {len(explained[bench].open)} |"
        for bench, coverage in collected.items()
    )
    benches = "\n".join(section(bench, coverage, explained[bench]) for bench, coverage in collected.items())
    about = f"about {max(1, round(seconds / SECONDS_STEP)) * SECONDS_STEP} seconds"
    return filled(TEMPLATE, {"seconds": about, "summary": summary, "benches": benches})


def section(bench: Bench, coverage: Coverage, explained: Explained) -> str:
    """Return the section of a bench: its points, and the reasons of its holes."""
    points = markdown_table(
        ("point", "bins", "hit"),
        ((name, len(bins), sum(map(bool, bins.values()))) for name, bins in coverage.points.items()),
    )
    reasons: dict[str, list[Hole]] = {}
    for hole, because in explained.holes.items():
        reasons.setdefault(because.reason, []).append(hole)
    holes = markdown_table(
        ("not hit", "bins", "reason"), ((names(found), len(found), reason) for reason, found in reasons.items())
    )
    return f"## {bench.about[0].upper()}{bench.about[1:]}\n\n{points}\n{holes}"


def names(holes: Iterable[Hole]) -> str:
    """Return the names of holes; what several have in common stands there once."""
    texts = []
    for point, of_point in groupby(holes, key=lambda hole: hole.point):
        groups = groupby(of_point, key=lambda hole: hole.bin.rpartition(" ")[0])
        parts = (f"{common} {', '.join(hole.bin.rpartition(' ')[2] for hole in several)}" for common, several in groups)
        texts.append(f"{point}: {', '.join(part.strip() for part in parts)}")
    return "; ".join(texts)


def _bins(coverage: Coverage) -> int:
    return sum(map(len, coverage.points.values()))


def _left(explained: Explained) -> int:
    return len(explained.holes) + len(explained.open)


def main() -> None:
    """Collect the coverage of every bench, and write the page."""
    begin = process_time()
    collected = {bench: bench.collect() for bench in BENCHES}
    write_text(PAGE, page(collected, process_time() - begin))


if __name__ == "__main__":
    main()
