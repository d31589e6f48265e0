"""The list of signals that GTKWave shows of a wave file: the streams and named states of each part of a design."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from vcd.gtkw import GTKWSave

from tilewright.cocotb_tests.harness.structure import ModuleText, instances_of
from tilewright.cocotb_tests.harness.value_names import text_bits, text_names

SUFFIX = ".gtkw"
"""Suffix of GTKWave's lists of signals."""
FIRST = ("clk", "rst")
"""Signals of the top module that go first."""
_STREAM = re.compile(r"(?:(\w+)__|(\w*axi_(?:aw|ar|w|b|r)))valid")
_COPY = re.compile(r"_\d+$")
"""End of the names that a module gives to the signals of its parts when these have equal names."""


@dataclass(frozen=True)
class Entry:
    """A signal in the list."""

    path: tuple[str, ...]
    """Instances from the top module to the part that has the signal."""
    stream: str
    """Name of the stream to which the signal belongs, if it does."""
    name: str
    bits: int
    of: str = ""
    """Signal whose value the text stands for, if it is a text."""

    @property
    def full_name(self) -> str:
        """Name by which a reader of waves finds the signal."""
        return ".".join((*self.path, self.name))


def signal_list_of(waves: Path) -> Path:
    """Return the path of the list of signals that lies beside a wave file."""
    return waves.with_suffix(SUFFIX)


def entries(verilog: str, top: str) -> Iterator[Entry]:
    """Yield the signals of the list for a simulated text, part by part: named values first, then streams."""
    for path, module in instances_of(verilog, top):
        if len(path) == 1:
            yield from (Entry(path, "", name, module.widths[name]) for name in FIRST if name in module.widths)
        for signal, text in text_names(module).items():
            yield Entry(path, "", text, text_bits(module.values[signal]), of=signal)
        for stream, signals in streams_of(module).items():
            yield from (Entry(path, stream, name, module.widths[name]) for name in signals)


def streams_of(module: ModuleText) -> dict[str, list[str]]:
    """Return the signals of each stream of a module: valid, ready, and the payload or its fields.

    A stream is ``NAME__valid`` beside ``NAME__payload``, or a channel of AXI.
    """
    found = {}
    for signal in module.widths:
        match = _STREAM.fullmatch(signal)
        if not match or (match[1] and f"{match[1]}__payload" not in module.widths):
            continue
        prefix = signal.removesuffix("valid")
        control = [name for name in (signal, f"{prefix}ready") if name in module.widths]
        data = [
            name for name in module.widths if name.startswith(prefix) and name not in control and not _COPY.search(name)
        ]
        # A structure is the sum of its fields.
        whole = {name for name in data if any(other.startswith(f"{name}__") for other in data)}
        found[match[1] or match[2]] = [*control, *(name for name in data if name not in whole)]
    return found


def write_signal_list(file: Path, verilog: str, top: str, waves: Path) -> None:
    """Write the list of the signals of a simulated text, for GTKWave."""
    with file.open("w") as text:
        save = GTKWSave(text)
        save.dumpfile(waves.name, abspath=False)
        save.treeopen(f"{top}.")
        for path, of_part in groupby(entries(verilog, top), key=lambda entry: entry.path):
            with save.group(".".join(path[1:]) or top, closed=len(path) > 2):
                for stream, signals in groupby(of_part, key=lambda entry: entry.stream):
                    if stream:
                        with save.group(stream, closed=True):
                            _trace(save, signals)
                    else:
                        _trace(save, signals)


def _trace(save: GTKWSave, signals: Iterator[Entry]) -> None:
    for entry in signals:
        bits = f"[{entry.bits - 1}:0]" if entry.bits > 1 else ""
        save.trace(entry.full_name + bits, alias=entry.of or entry.name, datafmt="ascii" if entry.of else "hex")
