"""One model of the co-processor's epilogue with many faults, of which the elements choose one or none."""

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

from tilewright.cocotb_tests.arith_harness import word_bytes
from tilewright.cocotb_tests.arith_vectors import Vectors
from tilewright.cocotb_tests.epilogue_harness import EpilogueUnit, element_layout, result_layout
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats.simd import Mode

NUMBER_BITS = 8
"""Of the number of a fault; 0 is none."""
CHOSEN = Signal(NUMBER_BITS, name="chosen_fault")
"""The fault in force, in whichever model is elaborated."""


@dataclass(frozen=True)
class Fault:
    """Names of a module that mean something else while an epilogue is elaborated, and the case that must see it."""

    name: str
    module: ModuleType
    wrong: dict[str, Any]
    """For each function of the module, what makes of the right one, with its arguments behind it, the wrong result, or
    None where the fault is not; for each number the wrong one."""
    case: str
    seen_in: str
    """Part of a result that the bench must find wrong, among others or not."""
    testcase: str = "replay"


@contextmanager
def planted(faults: Sequence[Fault]) -> Iterator[None]:
    """Plant faults in the modules, while the context lasts; they come into force by their place, from 1 on."""
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
    """An :class:`EpilogueUnit` for which the number of a fault comes with the elements: in a run always the same."""

    def __init__(self, modes: tuple[Mode, ...], *, rows: int):
        self._inner = EpilogueUnit(modes, rows=rows)
        layout = data.StructLayout(dict(element_layout(rows).members) | {"fault": NUMBER_BITS})
        super().__init__(layout, result_layout(rows), back_pressure=False)

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


def with_fault(vectors: Vectors, number: int, *, rows: int) -> Vectors:
    """Return the words of a :class:`FaultyUnit` with one of its faults."""
    offset = element_layout(rows).size
    words = np.zeros((len(vectors.stimuli), word_bytes(offset + NUMBER_BITS)), np.uint8)
    words[:, : vectors.stimuli.shape[1]] = vectors.stimuli
    for byte, part in enumerate((number << offset % 8).to_bytes(2, "little"), offset // 8):
        if part:
            words[:, byte] |= part
    return dataclasses.replace(vectors, stimuli=words)
