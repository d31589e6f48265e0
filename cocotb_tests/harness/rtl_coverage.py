"""Coverage of RTL that Verilator counts: blocks of the text, toggles of signals, streams that move and that wait."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilewright.base.files import write_json, write_text
from tilewright.cocotb_tests.harness.signal_list import streams_of
from tilewright.cocotb_tests.harness.structure import MODULE, instances_of, modules_of, parts_of

OPTIONS = ("--coverage-line", "--coverage-toggle", "--coverage-user")
"""Options of Verilator for a model that counts."""
COUNTS = "coverage.dat"
"""Name of the file that such a model writes when its simulation ends."""
STREAM = re.compile(r"stream__(\w+)__(moves|waits)")
"""Label of the statement that counts the cycles in which a stream moves, or waits."""
BLOCKS = ("line", "branch")
"""Verilator's names for blocks of statements."""
CLOCK = "clk"
_ENCODED = re.compile(r"__0([0-9A-F]{2})")
"""Verilator's form of a character that its own names may not have, such as the second of two underscores."""
_POINT = re.compile(r"^C '(.*)' (\d+)$")


def with_stream_counts(verilog: str) -> str:
    """Return Verilog that counts the cycles in which each stream moves, and those in which it waits to be taken."""
    modules = modules_of(verilog)
    parts = []
    for part in parts_of(verilog):
        match = MODULE.match(part)
        module = modules[match[1]] if match else None
        if module and CLOCK in module.widths:
            body, end, after = part.rpartition("endmodule")
            lines = (line for name, signals in streams_of(module).items() for line in _counts(name, signals))
            part = body + "".join(lines) + end + after
        parts.append(part)
    return "".join(parts)


def _counts(name: str, signals: Sequence[str]) -> Iterator[str]:
    valid, *others = signals
    ready = next((signal for signal in others if signal == f"{valid.removesuffix('valid')}ready"), None)
    conditions = {"moves": f"{valid} & {ready}", "waits": f"{valid} & ~{ready}"} if ready else {"moves": valid}
    for what, condition in conditions.items():
        yield f"  stream__{name}__{what}: cover property (@(posedge {CLOCK}) {condition});\n"


@dataclass(frozen=True)
class Point:
    """Something that Verilator counts."""

    kind: str
    """``line`` or ``branch`` for a block, ``toggle``, or ``user`` for a stream."""
    module: str
    line: int
    column: int
    text: str
    """Name of the branch, of the bit with its edge, or of the stream."""
    lines: str
    """Lines of a block: numbers and ranges with commas between."""
    instance: str
    """Path of the instance; ``*`` stands for what several instances do not have in common."""

    @property
    def stream(self) -> tuple[str, str] | None:
        """Name of a stream, with its module, and whether it moves or waits."""
        match = STREAM.fullmatch(self.text) if self.kind == "user" else None
        return (f"{self.module}: {match[1]}", match[2]) if match else None


def read_points(counts: str) -> Counter[Point]:
    """Return the points of a file that a model wrote, with their counts."""
    found: Counter[Point] = Counter()
    for line in counts.splitlines():
        if match := _POINT.match(line):
            fields = dict(field.split("\2", 1) for field in match[1].split("\1") if field)
            point = Point(
                kind=fields["t"],
                module=fields["page"].partition("/")[2],
                line=int(fields["l"]),
                column=int(fields["n"]),
                text=_ENCODED.sub(lambda code: chr(int(code[1], 16)), fields["o"]),
                lines=fields.get("S", fields["l"]),
                instance=fields["h"].removeprefix("TOP."),
            )
            found[point] += int(match[2])
    return found


def modules_below(verilog: str, top: str, paths: Sequence[Sequence[str]]) -> set[str]:
    """Return the names of the modules of the instances of some paths, and of all instances below them."""
    return {
        module.name
        for path, module in instances_of(verilog, top)
        if any(path[: len(above)] == tuple(above) for above in paths)
    }


def is_below(instance: str, path: Sequence[str]) -> bool:
    """Return whether an instance is that of a path or below it; several instances, named with ``*``, are not."""
    parts = instance.split(".")
    return "*" not in instance and parts[: len(path)] == list(path)


class Record:
    """Coverage of the simulations of one design, which all simulate the same text.

    Parameters
    ----------
    design : str
        Name of the design.
    base : Path
        Path of the files that are written, without a suffix.
    """

    def __init__(self, design: str, base: Path):
        self.design, self.base = design, base
        self.points: Counter[Point] = Counter()

    @property
    def summary(self) -> Path:
        """Path of the summary, in JSON."""
        return self.base.with_name(f"{self.base.name}.json")

    @property
    def files(self) -> tuple[Path, Path, Path]:
        """Paths of the summary, of counts of each line in the form of lcov, and of the text that has these lines."""
        return files_of(self.summary)

    def add(self, counts: str, verilog: str, paths: Sequence[Sequence[str]]) -> None:
        """Add what a simulation counted in instances of these paths and below them, and write the files.

        Raises
        ------
        ConfigError
            If a file cannot be written.
        """
        modules = modules_below(verilog, paths[0][0], paths)
        for point, count in read_points(counts).items():
            # Modules of a text in another form than that of Yosys are known by the path of their instance alone.
            if point.module in modules or any(is_below(point.instance, path) for path in paths):
                self.points[point] += count  # 0 counts, too
        summary, lines, text = self.files
        write_text(text, verilog)
        write_text(lines, "".join(lcov(self.points, text)))
        write_json(summary, self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return numbers of points and of those that were hit, in all and by module, and streams without a hit."""
        streams: dict[str, dict[str, int]] = {"moves": {}, "waits": {}}
        for point, count in self.points.items():
            if point.stream:
                name, what = point.stream
                streams[what][name] = streams[what].get(name, 0) + count
        modules = sorted({point.module for point in self.points})
        return {
            "design": self.design,
            "blocks": self._hit(BLOCKS),
            "toggles": self._hit(("toggle",)),
            **{
                f"streams_{name}": {"points": len(streams[what]), "hit": sum(map(bool, streams[what].values()))}
                for name, what in (("moved", "moves"), ("waited", "waits"))
            },
            "never_moved": sorted(name for name, count in streams["moves"].items() if not count),
            "never_waited": sorted(name for name, count in streams["waits"].items() if not count),
            "modules": {
                module: {"blocks": self._hit(BLOCKS, module), "toggles": self._hit(("toggle",), module)}
                for module in modules
            },
        }

    def _hit(self, kinds: Sequence[str], module: str | None = None) -> dict[str, int]:
        counts = [
            count for point, count in self.points.items() if point.kind in kinds and module in (None, point.module)
        ]
        return {"points": len(counts), "hit": sum(map(bool, counts))}


def files_of(summary: Path) -> tuple[Path, Path, Path]:
    """Return the paths of the files of a record, given that of its summary."""
    base = summary.name.removesuffix(".json")
    return summary, summary.with_name(f"{base}.info"), summary.with_name(f"{base}.v")


def lcov(points: Counter[Point], text: Path) -> Iterator[str]:
    """Yield the lines of a tracefile of lcov: counts of the lines of blocks, and of branches."""
    lines: dict[int, int] = {}
    branches: dict[int, list[int]] = {}
    for point, count in sorted(points.items(), key=lambda item: (item[0].line, item[0].column, item[0].text)):
        if point.kind in BLOCKS:
            for line in _lines(point.lines):
                lines[line] = max(lines.get(line, 0), count)
        if point.kind == "branch":
            branches.setdefault(point.line, []).append(count)
    yield f"TN:\nSF:{text.absolute()}\n"
    for line, counts in sorted(branches.items()):
        yield from (f"BRDA:{line},0,{index},{count}\n" for index, count in enumerate(counts))
    yield from (f"DA:{line},{count}\n" for line, count in sorted(lines.items()))
    yield "end_of_record\n"


def _lines(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
