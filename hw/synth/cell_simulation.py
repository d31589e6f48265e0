"""Simulation of netlists of cells: settled values in each cycle, and how often each net changes.

The inputs of each cycle are given, and the outputs are compared with expected ones. All cells are flip-flops of one
clock, clock gates, or functions of at most six inputs. A flip-flop whose clock is gated keeps its bit in cycles at
whose end the enable of its gate is 0; in other cycles the net of the gated clock changes twice.
"""

import ctypes
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.base.tool_runs import run_tool
from tilewright.base.tools import find_compiler
from tilewright.hw.synth.instances import bit_name
from tilewright.hw.synth.library import Cell, Library
from tilewright.hw.synth.netlist_bits import BitNetlist

MOST_INPUTS = 6
FLIP_FLOP = -1
"""Number that stands for a flip-flop where a gate has the values of its function."""
ALWAYS = 1
"""Net that enables a flip-flop whose clock is not gated: the constant 1."""
SOURCE = """
#include <stdint.h>
void simulate(int64_t cells, const int32_t *out, const int32_t *in, const uint64_t *table,
              int64_t flip_flops, const int32_t *q, const int32_t *d, const int32_t *enable, uint8_t *next,
              int64_t gates, const int32_t *gated, const int32_t *gate_enable,
              int64_t inputs, const int32_t *input, const uint8_t *given,
              int64_t outputs, const int32_t *output, const uint8_t *expected,
              int64_t cycles, const int32_t *segment, int64_t nets, uint8_t *value,
              uint32_t *changes, uint32_t *wrong) {
  for (int64_t cycle = 0; cycle < cycles; cycle++) {
    uint32_t *count = changes + segment[cycle] * nets;
    for (int64_t i = 0; i < inputs; i++) value[input[i]] = given[cycle * inputs + i];
    for (int64_t i = 0; i < cells; i++) {
      const int32_t *from = in + 6 * i;
      unsigned index = value[from[0]] | value[from[1]] << 1 | value[from[2]] << 2 | value[from[3]] << 3
                     | value[from[4]] << 4 | value[from[5]] << 5;
      uint8_t now = table[i] >> index & 1;
      count[out[i]] += now ^ value[out[i]];
      value[out[i]] = now;
    }
    for (int64_t i = 0; i < outputs; i++)
      wrong[segment[cycle]] += value[output[i]] != expected[cycle * outputs + i];
    for (int64_t i = 0; i < gates; i++) count[gated[i]] += 2 * value[gate_enable[i]];
    for (int64_t i = 0; i < flip_flops; i++) next[i] = value[enable[i]] ? value[d[i]] : value[q[i]];
    for (int64_t i = 0; i < flip_flops; i++) {
      count[q[i]] += next[i] ^ value[q[i]];
      value[q[i]] = next[i];
    }
  }
}
"""


@dataclass(frozen=True)
class CellRun:
    """Result of a simulation."""

    changes: np.ndarray
    """Number of changes of each net in each segment, (segments, nets)."""
    wrong: np.ndarray
    """Number of output bits in each segment that were not as expected, over all cycles."""
    driven: Mapping[str, int]
    """Net of each bit that a cell drives, by its name in the netlist."""

    def toggles(self, segment: int) -> dict[str, int]:
        """Return the number of changes of each bit that a cell drives in a segment."""
        changes = self.changes[segment]
        return {name: int(changes[net]) for name, net in self.driven.items()}


class CellSimulator:
    """A netlist ready to be simulated.

    Parameters
    ----------
    bits : BitNetlist
    library : Library
    given, expected : list of int
        Nets that are given in each cycle, and nets that are compared.

    Raises
    ------
    ConfigError
        If a cell is neither a function nor a flip-flop that can be simulated.
    """

    def __init__(self, bits: BitNetlist, library: Library, given: list[int], expected: list[int]):
        self._given, self._expected, self._nets = given, expected, len(bits.names)
        self._driven: dict[str, int] = {}
        kinds: dict[tuple[str, str], tuple[list[str], int]] = {}
        gates: list[tuple[int, list[int], int]] = []
        flops: list[tuple[int, int, int]] = []
        gate = library.clock_gate
        enables: dict[int, int] = {}
        for each, pins in zip(bits.instances, bits.pins, strict=True):
            if gate and each.cell == gate.cell:
                enables[pins[gate.output][0]] = pins[gate.enable][0]
                self._driven[bit_name(each.connections[gate.output])] = pins[gate.output][0]
        for each, pins in zip(bits.instances, bits.pins, strict=True):
            cell = library.cells.get(each.cell)
            if cell is None or (gate and each.cell == gate.cell):
                continue
            for pin in cell.outputs:
                if pin not in pins:
                    continue
                kind = each.cell, pin
                if kind not in kinds:
                    kinds[kind] = (_flip_flop_pins(cell, pin), FLIP_FLOP) if cell.is_flip_flop else _table(cell, pin)
                inputs, table = kinds[kind]
                [net], nets = pins[pin], [pins[name][0] for name in inputs]
                if table == FLIP_FLOP:
                    flops.append((net, nets[0], enables.get(nets[1], ALWAYS)))
                else:
                    gates.append((net, nets, table))
                self._driven[bit_name(each.connections[pin])] = net
        self._gates, self._flops, self._enables = _sorted(gates), flops, enables

    def run(self, given: np.ndarray, expected: np.ndarray, segment: np.ndarray) -> CellRun:
        """Simulate; all registers begin with 0.

        Parameters
        ----------
        given, expected : ndarray of uint8
            Bits of each cycle, (cycles, nets).
        segment : ndarray
            Number of the segment of each cycle, for which changes are counted apart.
        """
        segments = int(segment.max()) + 1
        value = np.zeros(self._nets, np.uint8)
        value[1] = 1
        changes, wrong = np.zeros((segments, self._nets), np.uint32), np.zeros(segments, np.uint32)
        arrays: list[np.ndarray] = [
            np.array([out for out, _, _ in self._gates], np.int32),
            np.array([(inputs + [0] * MOST_INPUTS)[:MOST_INPUTS] for _, inputs, _ in self._gates], np.int32),
            np.array([table for _, _, table in self._gates], np.uint64),
        ]
        outs, ds, enables = (np.array([flop[index] for flop in self._flops], np.int32) for index in (0, 1, 2))
        gated, gate_enables = (np.array([*nets], np.int32) for nets in (self._enables, self._enables.values()))

        def pointer(array: np.ndarray) -> ctypes.c_void_p:
            return array.ctypes.data_as(ctypes.c_void_p)

        given, expected = (np.ascontiguousarray(bits, np.uint8) for bits in (given, expected))
        inputs, outputs = (np.array(nets, np.int32) for nets in (self._given, self._expected))
        following, numbers = np.zeros(max(1, len(outs)), np.uint8), segment.astype(np.int32)
        _simulate()(
            ctypes.c_int64(len(self._gates)), *(pointer(array) for array in arrays),
            ctypes.c_int64(len(outs)), pointer(outs), pointer(ds), pointer(enables), pointer(following),
            ctypes.c_int64(len(gated)), pointer(gated), pointer(gate_enables),
            ctypes.c_int64(len(inputs)), pointer(inputs), pointer(given),
            ctypes.c_int64(len(outputs)), pointer(outputs), pointer(expected),
            ctypes.c_int64(len(segment)), pointer(numbers), ctypes.c_int64(self._nets), pointer(value),
            pointer(changes), pointer(wrong),
        )  # fmt: skip
        return CellRun(changes, wrong, self._driven)


@cache
def _simulate() -> Callable[..., None]:
    """Return the compiled function."""
    compiler = find_compiler()
    with tempfile.TemporaryDirectory(prefix="tilewright-cells-") as name:
        folder = Path(name)
        (folder / "cells.c").write_text(SOURCE)
        run_tool(compiler, ["-x", "c", "-O2", "-shared", "-fPIC", "-o", "cells.so", "cells.c"], folder)
        return ctypes.CDLL(str(folder / "cells.so")).simulate


def _sorted(gates: list[tuple[int, list[int], int]]) -> list[tuple[int, list[int], int]]:
    """Return gates in an order in which each comes after those that drive its inputs."""
    driver = {out: index for index, (out, _, _) in enumerate(gates)}
    waiting = [len({driver[net] for net in inputs if net in driver}) for _, inputs, _ in gates]
    users: dict[int, list[int]] = {}
    for index, (_, inputs, _) in enumerate(gates):
        for source in {driver[net] for net in inputs if net in driver}:
            users.setdefault(source, []).append(index)
    ready = [index for index, count in enumerate(waiting) if count == 0]
    order = []
    while ready:
        index = ready.pop()
        order.append(gates[index])
        for user in users.get(index, []):
            waiting[user] -= 1
            if waiting[user] == 0:
                ready.append(user)
    if len(order) < len(gates):
        raise ConfigError("the netlist has a loop of gates")
    return order


def _table(cell: Cell, output: str) -> tuple[list[str], int]:
    """Return the inputs of a function of a cell, and its value for each of their states as a number."""
    stated = cell.pins[output].attributes.get("function", "").strip('"')
    inputs = [name for name in cell.inputs if re.search(rf"\b{name}\b", stated)]
    if cell.stores or not stated or len(inputs) > MOST_INPUTS or re.search(r"[^\w\s!'*&+|^()]|\)'", stated):
        raise ConfigError(f"{cell.path}: cell '{cell.group.name}': '{stated}' cannot be simulated")
    # A blank between two operands stands for AND, a quote after one for NOT.
    anded = re.sub(r"(?<=[\w)'])\s+(?=[\w(!])", "&", re.sub(r"\s*([*&+|^])\s*", r"\1", stated.strip()))
    python = re.sub(r"(\w+)'", r"~\1", anded).translate(str.maketrans("!*+", "~&|"))
    expression = compile(python, cell.group.name, "eval")
    table = 0
    for state in range(1 << MOST_INPUTS):
        values = {name: state >> index & 1 for index, name in enumerate(inputs)}
        table |= (eval(expression, {}, values) & 1) << state
    return inputs, table


def _flip_flop_pins(cell: Cell, output: str) -> list[str]:
    """Return the input of a flip-flop that its output has after an edge, and the input of its clock."""
    [group] = (each for each in cell.group.level.groups if each.kind == "ff")
    states = {name: group.level.attributes.get(name, "").strip('"() ') for name in ("next_state", "clocked_on")}
    state = group.name.split(",")[0].strip()
    following, clock = states.values()
    if cell.pins[output].attributes.get("function", "").strip('"() ') != state or not {following, clock} <= {
        *cell.inputs
    }:
        raise ConfigError(f"{cell.path}: cell '{cell.group.name}': '{following}' cannot be simulated")
    return [following, clock]
