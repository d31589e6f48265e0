"""One model of a unit with many faults, of which its operands choose one or none."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data

from tilewright.cocotb_tests.arith.harness import word_bytes
from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.hw.arith.unit import Unit

NUMBER_BITS = 8
"""Width of the number of a fault; 0 stands for no fault."""
CHOSEN = Signal(NUMBER_BITS, name="chosen_fault")
"""Number of the fault in force, in the model that is elaborated."""


@dataclass(frozen=True)
class Fault:
    """Replaced names of a module while a unit is elaborated, and the case that must detect the change."""

    name: str
    module: ModuleType
    wrong: dict[str, Any]
    """Function that makes the wrong result from the right one and its arguments, or None, for each function of the
    module; for each number the wrong number."""
    case: str
    seen_in: str
    """Part of a result that the bench must find wrong."""
    testcase: str = "replay"


@contextmanager
def planted(faults: Sequence[Fault]) -> Iterator[None]:
    """Plant faults in the modules while the context lasts; their numbers are their positions, from 1 on."""
    places = {(fault.module.__name__, name): (fault.module, name) for fault in faults for name in fault.wrong}
    with pytest.MonkeyPatch.context() as patch:
        for module, name in places.values():
            wrongs = [
                (number, fault.wrong[name])
                for number, fault in enumerate(faults, 1)
                if fault.module is module and name in fault.wrong
            ]
            right = getattr(module, name)
            patch.setattr(module, name, _function(right, wrongs) if callable(right) else _number(right, wrongs))
        yield


def _function(right: Callable[..., Value], wrongs: list[tuple[int, Callable]]) -> Callable[..., Value]:
    def chosen(*args: Any, **options: Any) -> Value:
        value = Value.cast(right(*args, **options))
        for number, wrong in wrongs:
            other = wrong(right, *args, **options)
            if other is not None:
                value = Mux(number == CHOSEN, other, value)
        return value

    return chosen


def _number(right: int, wrongs: list[tuple[int, int]]) -> Value:
    value: Value = Value.cast(right)
    for number, wrong in wrongs:
        value = Mux(number == CHOSEN, wrong, value)
    return value


class FaultyUnit(Unit):
    """A unit for which the number of a fault comes with the operands; the number is constant in a run."""

    def __init__(self, inner: Unit):
        self._inner = inner
        layout = data.StructLayout(dict(inner.i.p.shape().members) | {"fault": NUMBER_BITS})
        super().__init__(layout, inner.o.p.shape(), back_pressure=False)

    @property
    def LATENCY(self) -> int:  # noqa: N802 - a constant of the component
        return self._inner.LATENCY

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self._inner
        fault = Signal(NUMBER_BITS, reset_less=True)
        with m.If(self.i.valid):
            m.d.sync += fault.eq(self.i.p.fault)
        m.d.comb += [
            CHOSEN.eq(Mux(self.i.valid, self.i.p.fault, fault)),
            inner.i.valid.eq(self.i.valid),
            Value.cast(inner.i.p).eq(Value.cast(self.i.p)),
            self.o.valid.eq(inner.o.valid),
            self.o.p.eq(inner.o.p),
        ]
        return m


def with_fault(vectors: Vectors, number: int, *, bits: int) -> Vectors:
    """Return the words of a :class:`FaultyUnit` with one of its faults; ``bits`` are those of an operand without it."""
    words = np.zeros((len(vectors.stimuli), word_bytes(bits + NUMBER_BITS)), np.uint8)
    words[:, : vectors.stimuli.shape[1]] = vectors.stimuli
    for byte, part in enumerate((number << bits % 8).to_bytes(2, "little"), bits // 8):
        if part:
            words[:, byte] |= part
    return dataclasses.replace(vectors, stimuli=words)
