"""Options of a run of a suite: which of its cases run, and whether the simulation writes waves."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tilewright.cocotb_tests.harness.foreign import ForeignDesign
from tilewright.cocotb_tests.harness.rtl_coverage import Record
from tilewright.cocotb_tests.harness.wave_format import WaveFormat

T = TypeVar("T")


@dataclass(frozen=True)
class Waves:
    """Wave files of a co-simulation: one for each simulation."""

    folder: Path
    prefix: str
    """Begin of the names of the files."""
    format: WaveFormat

    def file(self, *names: str) -> Path:
        """Return the path of the wave file of a simulation, which has these names."""
        return self.folder / f"{_file_name(self.prefix, *names)}.{self.format}"


@dataclass(frozen=True)
class CoverageFiles:
    """Files with the coverage of RTL: three for each design."""

    folder: Path
    prefix: str
    """Begin of the names of the files."""

    def record(self, design: str, case: str) -> Record:
        """Return the record of a design."""
        return Record(design, self.folder / _file_name("coverage", self.prefix, design, case))


def _file_name(*names: str) -> str:
    """Return names with hyphens instead of what a file's name should not have."""
    return "-".join(re.sub(r"[^A-Za-z0-9._=]+", "-", name).strip("-") for name in names if name)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of a run of a suite.

    Parameters
    ----------
    case : str, optional
        Name of the only case to run.
    waves : Waves, optional
        Wave files to write; none if not given.
    foreign : ForeignDesign, optional
        Circuit to run instead of the generated one.
    coverage : CoverageFiles, optional
        Files for the coverage of RTL; none if not given.
    """

    case: str | None = None
    waves: Waves | None = None
    foreign: ForeignDesign | None = None
    coverage: CoverageFiles | None = None

    def chosen(self, names: Iterable[str], cases: Iterable[T]) -> list[T]:
        """Return the cases to run, given the names of all."""
        return [case for name, case in zip(names, cases, strict=True) if self.case in (None, name)]

    def wave_file(self, *names: str) -> Path | None:
        """Return the path of the wave file of a simulation with these names, if it has to write one."""
        return self.waves.file(*names, self.case or "") if self.waves else None

    def record(self, design: str) -> Record | None:
        """Return the record of the coverage of a design, if there must be one."""
        return self.coverage.record(design, self.case or "") if self.coverage else None


ALL_CASES = RunOptions()
"""Run all cases, write nothing."""


def case_names(cases: Sequence[Any]) -> list[str]:
    """Return a name for each case that no other one has; timings or numbers tell equal names apart."""
    names = [case if isinstance(case, str) else case.name for case in cases]
    for name, count in Counter(names).items():
        if count > 1:
            alike = [index for index, other in enumerate(names) if other == name]
            for index, detail in zip(alike, _details([cases[index] for index in alike]), strict=True):
                names[index] = f"{name} ({detail})"
    return names


def _details(cases: Sequence[Any]) -> list[str]:
    """Return the latency and the bandwidth of each case, as far as these differ, or else its number."""
    timings = [getattr(case, "timing", None) for case in cases]
    fields = [
        name
        for name in ("latency", "rate")
        if None not in timings and len({getattr(timing, name) for timing in timings}) > 1
    ]
    details = [", ".join(f"{name} {getattr(timing, name)}" for name in fields) for timing in timings]
    return details if len(set(details)) == len(cases) else [str(number) for number in range(1, len(cases) + 1)]


def with_files(row: dict, waves: Path | None, record: Record | None) -> dict:
    """Return a row of a table with the names of the wave file and of the summary of coverage, if they exist."""
    files = {"waves": waves, "coverage": record and record.summary}
    return row | {name: str(file) for name, file in files.items() if file}
