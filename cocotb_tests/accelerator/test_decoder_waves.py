"""The waves of a decoder layer, read by a library of others: states and operations by name, and what was executed."""

from collections import Counter
from pathlib import Path

import pytest

from tests.wave_reader import WaveReader, listed_names
from tilewright.bench.program_cases import Case
from tilewright.cocotb_tests.accelerator.decoder_suite import SUITES
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.harness.run_options import RunOptions, Waves
from tilewright.cocotb_tests.harness.signal_list import signal_list_of
from tilewright.cocotb_tests.harness.wave_format import wave_format
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Opcode
from tilewright.sim.isa.encoding import decode
from tilewright.sim.isa.widths import COMMAND_BYTES

pytestmark = [pytest.mark.cosim, pytest.mark.slow]

SUITE = SUITES[1]
HARNESS = "accelerator_harness"
PROCESSOR = f"{HARNESS}.dut.core.processor"
STATES = {"TAKE", "CHECK1", "CHECK2", "CHECK3", "ACT", "ENDED"}


def operations(config: AcceleratorConfig, case: Case) -> Counter:
    """Return how often the programs of a case, which have no loops, name each operation."""
    names: Counter = Counter()
    for run in case.runs:
        address = run.address
        while (opcode := decode(config, case.memory[address : address + COMMAND_BYTES].tobytes()).OPCODE) != Opcode.END:
            assert opcode not in (Opcode.LOOP, Opcode.REPEAT)
            names[opcode.name] += 1
            address += COMMAND_BYTES
    return names


def test_waves_of_a_decoder_layer(tmp_path):
    name = SUITE.case_names()[0]
    rows = SUITE.run(RunOptions(case=name, waves=Waves(tmp_path, "decoder-layer", wave_format())))
    check_rows(rows)
    [file] = {Path(row["waves"]) for row in rows}
    reader = WaveReader(file, f"{HARNESS}.clk")
    assert set(listed_names(signal_list_of(file))) <= reader.names

    states, passed = reader.texts(f"{PROCESSOR}.fsm_state_text"), reader.samples(f"{PROCESSOR}.passed").astype(bool)
    assert set(states) == STATES
    executed = reader.texts(f"{PROCESSOR}.opcode_text")[(states == "ACT") & passed]
    assert Counter(map(str, executed)) == operations(SUITE.config, SUITE.cases()[0])
    assert len(executed) == sum(row["commands"] for row in rows)

    # Between a start and its interrupt the processor is in the same cycles as the model's programs.
    running = reader.samples(f"{HARNESS}.running").astype(bool)
    assert running.sum() == sum(row["model_cycles"] for row in rows)
