"""A model writes a text in RTL: every program in one simulation, all of memory and all cycles as the model says."""

from dataclasses import asdict, replace

import pytest

from tests.cli.text_models import PROMPT, write_text_model
from tests.cocotb_tests.accelerator.systems import small_system
from tests.mapping.models.stories import NEEDS_STORIES, STORIES
from tilewright.api.text import PreparedText, prepare_text
from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.accelerator.text_suite import COROUTINES
from tilewright.mapping.models.llama import HEAD

pytestmark = pytest.mark.cosim
TOKENS = 4


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> PreparedText:
    folder = write_text_model(tmp_path_factory.mktemp("model"))
    return prepare_text(folder, PROMPT, system=small_system(), tokens=TOKENS)


def test_a_text_in_rtl_is_that_of_the_exact_model(prepared):
    pieces: list[str] = []
    simulation = prepared.simulation()
    in_rtl = prepared.write_in_rtl(simulation, timeline=True, on_text=pieces.append)
    assert in_rtl.passed
    assert in_rtl.mismatches == 0
    assert [row.rtl_cycles for row in in_rtl.programs] == [row.model_cycles for row in in_rtl.programs]
    assert "".join(pieces) == in_rtl.text
    again = prepare_text(prepared.job.model, PROMPT, system=prepared.job.system, tokens=TOKENS).write(timeline=True)
    assert in_rtl.tokens == again.tokens
    # A prompt's last token is a program of its own.
    assert len(again.tokens) == len(again.programs) - 1 == TOKENS
    alone = [replace(row, rtl_cycles=None, mismatches=None) for row in in_rtl.programs]
    assert [asdict(row) for row in alone] == [asdict(row) for row in again.programs]


@pytest.mark.slow
def test_the_finest_numbers_are_those_of_the_exact_model(prepared):
    job = prepared.job
    finest = prepare_text(job.model, PROMPT, system=job.system, tokens=1, finest=True)
    parts = dict(finest.writer.decoder.precision.parts)
    assert {name.rpartition(".")[2]: number for name, number in parts.items()} == {
        "down_proj": 4, "lm_head": 4, "q_proj": 2, "k_proj": 2, "v_proj": 2, "gate_proj": 2, "up_proj": 2
    }  # fmt: skip
    in_rtl = finest.write_in_rtl(finest.simulation())
    assert in_rtl.passed
    assert in_rtl.mismatches == 0
    assert [row.rtl_cycles for row in in_rtl.programs] == [row.model_cycles for row in in_rtl.programs]
    with pytest.raises(ConfigError, match="finest is not allowed without equalisation"):
        prepare_text(job.model, PROMPT, system=job.system, equalise=False, finest=True)


def test_what_the_rtl_does_otherwise_is_seen_and_its_own_logits_choose(prepared):
    weights = prepared.writer.decoder.single[0].program.loops[HEAD].survey.weights
    assert len(weights) == 4, "the head has four parts on an INT8 array"
    simulation = prepared.simulation()
    # The first program is the last one, and must make logits: that of a prompt of one token does.
    [first, *_], capacity = PROMPT.split(), prepared.writer.decoder.capacity
    one = prepare_text(prepared.job.model, first, system=prepared.job.system, tokens=1, capacity=capacity)
    rows = simulation.suite.simulate(
        "write", coroutines=COROUTINES, job=one.job, timeline=False, tokens="/dev/null",
        damage=tuple((part.address + byte, 0x7F) for part in weights.values() for byte in range(256)),
    )  # fmt: skip
    [row] = rows
    assert row["mismatches"] >= 4 * 256
    assert "differ" in row["found"]
    assert row["rtl_cycles"] == row["model_cycles"]
    assert row["token"] != one.write().tokens[0]


@pytest.mark.slow
@NEEDS_STORIES
def test_two_hundred_tokens_of_a_published_model():
    prepared = prepare_text(STORIES, "Once upon a time", system="small", tokens=200)
    in_rtl = prepared.write_in_rtl(prepared.simulation())
    assert in_rtl.passed
    assert in_rtl.mismatches == 0
    assert [row.rtl_cycles for row in in_rtl.programs] == [row.model_cycles for row in in_rtl.programs]
    assert len(in_rtl.tokens) == 200
    assert in_rtl.tokens == prepare_text(STORIES, "Once upon a time", system="small", tokens=200).write().tokens
    assert len(prepared.writer.decoder.single) <= 4
