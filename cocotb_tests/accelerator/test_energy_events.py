"""Events that cost energy: what the exact model counts from a program's commands is what happens in RTL."""

from math import prod

import numpy as np
import pytest

from tilewright.bench.random_programs import Areas
from tilewright.cocotb_tests.accelerator.cells import MEMORIES, PARTS, PortsSuite
from tilewright.cocotb_tests.accelerator.energy_programs import case_counts
from tilewright.cocotb_tests.accelerator.harness import TOP
from tilewright.cocotb_tests.accelerator.suite import TINY, random_cases
from tilewright.cocotb_tests.harness.port_trace import PortTrace
from tilewright.cocotb_tests.harness.structure import instances_of
from tilewright.sim.energy.events import Counts

pytestmark = [pytest.mark.cosim, pytest.mark.slow]

SEEN = {
    "commands": (PARTS["reader"], ("fetch_valid", "fetch_ready")),
    "load_beats": (PARTS["load"], ("load_valid",)),
    "weight_beats_in": (PARTS["load"], ("weights_valid",)),
    "weight_beats_out": (PARTS["weight loader"], ("weights__valid", "weights__ready")),
    "input_words": (PARTS["input buffer"], ("activations__valid", "activations__ready")),
    "array_vectors": (PARTS["accumulators"], ("valid",)),
    "result_words": (PARTS["result buffer"], ("results__valid", "results__ready")),
    "scratchpad_reads": (MEMORIES[0], ("read_enable",)),
    "scratchpad_writes": (MEMORIES[0], ("enable",)),
    "write_beats": (PARTS["store"], ("m_axi_wvalid", "m_axi_wready")),
}
"""Module, and its ports that are all high in a cycle of an event, by the name of the event."""


def seen(suite: PortsSuite, trace: PortTrace) -> dict[str, int]:
    """Return the number of cycles of each event, in all instances of its module together."""
    found = dict.fromkeys(SEEN, 0)
    for path, module in instances_of(suite.verilog(), TOP):
        for name, (of, ports) in SEEN.items():
            if module.name == f"{TOP}__{of}":
                found[name] += int(np.sum(prod(trace.bits(".".join((*path, port)))[:, 0] for port in ports)))
    return found


def test_counted_events_are_those_of_the_rtl():
    suite = PortsSuite(config=TINY, memory_bytes=Areas(TINY).memory_bytes)
    cases = random_cases(TINY, seed=4, cases=3, programs=4)
    counts = Counts()
    for case in cases:
        counts.add(case_counts(TINY, case))
    trace, segment = suite.trace(cases)
    assert segment[-1] == 12
    found = seen(suite, trace)
    assert found == {name: getattr(counts, name) for name in SEEN}
    assert all(found.values())
