"""Compares what a circuit gives with what numerics or an exact model say."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from cocotb.triggers import FallingEdge

from tilewright.bench.streams import PATIENCE_CYCLES, StreamMonitor, Value
from tilewright.sim.formats import ScalarFormat

SHOWN = 8
"""Maximum number of differences that a message shows."""


class Scoreboard:
    """Expected payloads of a stream, in order.

    Parameters
    ----------
    monitor : StreamMonitor or StreamSink
        Monitor of the stream.
    format : ScalarFormat, optional
        Format of the payloads: messages then show their values, too.
    """

    def __init__(self, monitor: StreamMonitor, *, format: ScalarFormat | None = None):
        self.monitor, self.format = monitor, format
        self.expected: list[Value] = []
        """Payloads that must come, the first one first."""

    def expect(self, *values: Any) -> None:
        """Add expected payloads; an array counts as its elements."""
        for value in values:
            if isinstance(value, np.ndarray):
                self.expected += [int(element) for element in value.ravel()]
            else:
                self.expected.append(value)

    @property
    def mismatches(self) -> list[str]:
        """Differences between the payloads that have come and those that were expected."""
        pairs = enumerate(zip(self.monitor.received, self.expected, strict=False))
        return [
            f"{self.monitor.name} {index} is {self._shown(got.value)}, not {self._shown(wanted)} (cycle {got.cycle})"
            for index, (got, wanted) in pairs
            if got.value != wanted
        ]

    def _shown(self, value: Value) -> str:
        if self.format is None or not isinstance(value, int | np.integer):
            return str(value)
        return f"{value:#x} ({float(self.format.decode(np.asarray([value]))[0])})"

    async def complete(self, timeout_cycles: int = PATIENCE_CYCLES) -> None:
        """Wait until all expected payloads have come, and compare them.

        Raises
        ------
        AssertionError
            If one differs, nothing comes for ``timeout_cycles``, or more comes than was expected.
        """
        received, expected = self.monitor.received, self.expected
        waited, before = 0, len(received)
        while len(received) < len(expected):
            await FallingEdge(self.monitor.dut.clk)
            waited = waited + 1 if len(received) == before else 0
            before = len(received)
            assert waited < timeout_cycles, (
                f"{self.monitor.name}: {before} of {len(expected)} payloads, and no more for {timeout_cycles} cycles"
                + _listed(self.mismatches)
            )
        found = self.mismatches
        assert not found, f"{len(found)} of {len(expected)} payloads differ" + _listed(found)
        assert len(received) == len(expected), f"{self.monitor.name}: {len(received)} payloads, not {len(expected)}"


def _listed(found: Iterable[str]) -> str:
    shown = list(found)
    return "".join(f"\n{each}" for each in shown[:SHOWN]) + ("\n..." if len(shown) > SHOWN else "")


def memory_differences(got: np.ndarray, expected: np.ndarray) -> str:
    """Return a short text about the differences of two memories; it is empty if there are none."""
    places = np.nonzero(got != expected)[0]
    if not len(places):
        return ""
    shown = ", ".join(f"{at:#x}: {got[at]:#04x} not {expected[at]:#04x}" for at in places[:SHOWN])
    return f"{len(places)} bytes differ: {shown}"
