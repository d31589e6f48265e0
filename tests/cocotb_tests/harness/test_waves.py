"""Wave files: every signal is there, as the bench saw it, states by their names, and a list of signals beside the file."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tests.wave_reader import WaveReader, listed_names
from tilewright.cocotb_tests.harness.cb_waves import BENCH, CYCLES
from tilewright.cocotb_tests.harness.run_options import RunOptions, Waves, case_names
from tilewright.cocotb_tests.harness.signal_list import entries, signal_list_of
from tilewright.cocotb_tests.harness.structure import instances_of
from tilewright.cocotb_tests.harness.suite import Bench
from tilewright.cocotb_tests.harness.value_names import with_texts
from tilewright.cocotb_tests.harness.wave_format import HOW_TO_GET_FST, wave_format
from tilewright.cocotb_tests.npe.suite import SUITES as NPES
from tilewright.cocotb_tests.runner import BenchError
from tilewright.hw.states import name_states
from tilewright.hw.verilog import convert

STATES = ("TAKE", "THINK", "LONG_NAME_OF_A_STATE")
WORD = data.StructLayout({"tag": 8, "pair": data.StructLayout({"low": 32, "high": 32})})


class Taker(wiring.Component):
    """Takes a word, thinks, and takes the next one; its machine is in a part of its own."""

    words: In(stream.Signature(WORD))
    state: Out(2)
    took: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.machine = inner = Module()
        count = Signal(2)
        with inner.FSM() as fsm:
            with inner.State(STATES[0]):
                inner.d.comb += self.words.ready.eq(1)
                inner.d.sync += count.eq(self.words.p.pair.low)
                with inner.If(self.words.valid):
                    inner.next = STATES[1]
            with inner.State(STATES[1]):
                inner.d.sync += count.eq(count + 1)
                with inner.If(count == 3):
                    inner.next = STATES[2]
            with inner.State(STATES[2]):
                inner.next = STATES[0]
        name_states(fsm)
        m.d.comb += self.state.eq(fsm.state)
        m.d.sync += self.took.eq(self.words.valid & self.words.ready)
        return m


@dataclass(frozen=True)
class TakerBench(Bench):
    """The machine alone."""

    config = None
    top = "taker"
    coroutines = BENCH

    def verilog(self) -> str:
        return convert(Taker(), self.top)


@pytest.fixture(scope="module", params=["vcd", "fst"])
def waves(request, tmp_path_factory) -> tuple[Path, dict]:
    """Return a wave file in each form that can be written, and what the bench saw."""
    if request.param == "fst" and wave_format() != "fst":
        pytest.skip(HOW_TO_GET_FST)
    file = tmp_path_factory.mktemp("waves") / f"taker.{request.param}"
    [row] = TakerBench().simulate("take", waves=file, limit=CYCLES)
    return file, row


@pytest.mark.cosim
def test_waves_are_what_the_bench_saw(waves):
    file, row = waves
    reader = WaveReader(file, "taker.clk")
    assert reader.format == file.suffix[1:].upper()
    passed = reader.handshakes("taker.words__")
    words = [reader.samples(f"taker.words__payload__{name}")[passed] for name in ("tag", "pair__low", "pair__high")]
    taken = [
        sum(int(part) << at for part, at in zip(word, (0, 8, 40), strict=True)) for word in zip(*words, strict=True)
    ]
    assert len(taken) > 20
    assert taken == row["taken"]
    texts = reader.texts("taker.machine.fsm_state_text")
    # The bench looks after an edge, the reader before the next one.
    assert [STATES.index(text) for text in texts[1 - CYCLES :]] == row["states"][:-1]
    assert set(texts) == set(STATES)


@pytest.mark.cosim
def test_every_signal_is_in_the_file_and_each_that_is_listed(waves):
    file, _ = waves
    reader = WaveReader(file, "taker.clk")
    text = TakerBench().simulated(waves=True)
    every = {".".join((*path, name)) for path, module in instances_of(text, "taker") for name in module.widths}
    assert {name for name in every if "._" not in name} <= reader.names
    listed = listed_names(signal_list_of(file))
    assert listed == [entry.full_name for entry in entries(text, "taker")]
    assert set(listed) <= reader.names
    assert "taker.machine.fsm_state_text" in listed


@pytest.mark.cosim
def test_a_failed_test_leaves_its_waves(tmp_path):
    file = tmp_path / "taker.vcd"
    with pytest.raises(BenchError, match="the limit is reached") as failed:
        TakerBench().simulate("take", waves=file, limit=1)
    assert failed.value.files == (file, tmp_path / "taker.gtkw")
    assert sorted(tmp_path.iterdir()) == sorted(failed.value.files)
    assert WaveReader(file, "taker.clk").handshakes("taker.words__").any()


def test_streams_are_groups_of_valid_ready_and_fields():
    streams: dict[str, list[str]] = {}
    for entry in entries(TakerBench().simulated(waves=True), "taker"):
        if len(entry.path) == 1 and entry.stream:
            streams.setdefault(entry.stream, []).append(entry.name)
    fields = [f"words__payload__{name}" for name in ("pair__high", "pair__low", "tag")]
    assert streams == {"words": ["words__valid", "words__ready", *fields]}


def test_a_value_without_a_name_is_a_question_mark():
    verilog = "\n".join([
        "module m(a);",
        '  (* enum_value_01 = "ON\\E" *)',
        "  input [1:0] a;",
        "  wire [1:0] a;",
        "  wire a_text;",
        "endmodule",
        "",
    ])  # fmt: skip
    text = with_texts(verilog)
    assert 'wire [31:0] a_text_ =\n    a == 2\'d1 ? "ON_E" :\n    "?   ";\nendmodule' in text
    assert with_texts(verilog.replace("enum_value", "other")) == verilog.replace("enum_value", "other")


def test_names_of_files_and_cases_are_unique(tmp_path):
    waves = Waves(tmp_path, "npe", "vcd")
    options = RunOptions(case="K cut", waves=waves)
    assert options.wave_file("2x2 bus64, all") == tmp_path / "npe-2x2-bus64-all-K-cut.vcd"
    for suite in NPES:
        names = suite.case_names()
        assert len({waves.file(suite.name, name) for name in names}) == len(names)
    assert case_names(["a", "b", "a"]) == ["a (1)", "b", "a (2)"]


def test_seeds_change_operands_alone():
    suite = NPES[0]
    other = suite.seeded(5)
    assert other.case_names() == suite.case_names()
    assert {case.seed for case in other.cases()} == {5}
    assert (other.config, other.memory_bytes) == (suite.config, suite.memory_bytes)
