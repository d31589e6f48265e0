"""The programs that ``tilewright map`` times, run in RTL: a whole decoder and a whole encoder, and one layer."""

from dataclasses import replace
from itertools import count, islice

import numpy as np
import pytest

from tilewright.bench.program_cases import Case, encoded
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.layer_cases import decoder_case, whole_encoder_case
from tilewright.cocotb_tests.accelerator.suite import TINY
from tilewright.cocotb_tests.accelerator.whole_decoder_cases import whole_decoder_case
from tilewright.cocotb_tests.accelerator.whole_decoder_suite import MODEL, SUITES
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.mapping.models.config import BertConfig
from tilewright.mapping.models.phases import PREFILL
from tilewright.mapping.search.search import search
from tilewright.mapping.search.space import PROMPT_SPACE
from tilewright.mapping.work import Work
from tilewright.sim.config import load_system
from tilewright.sim.isa.commands import Add, Command, Loop
from tilewright.sim.isa.encoding import decode
from tilewright.sim.isa.widths import COMMAND_BYTES, PAGE_BYTES

pytestmark = pytest.mark.cosim

[SUITE] = SUITES


def test_prompt_and_tokens_from_embeddings_to_logits():
    rows = SUITE.run()
    check_rows(rows)
    assert [row["name"].rsplit(", ", 2 if "without" in row["name"] else 1)[1] for row in rows] == [
        "tokens 0 to 2", "tokens 3 to 4", "token 5", "token 6", "tokens 0 to 2", "token 3", "token 4"
    ]  # fmt: skip
    assert [row["cosine"] is None for row in rows] == [True, *[False] * 6]


def test_a_layer_with_its_attention():
    case = decoder_case(TINY, MODEL.replace(num_hidden_layers=1), prompt=4, tokens=2)
    rows = SUITE.simulate("table", (case,))
    check_rows(rows)
    assert len(rows) == 3


def test_an_encoder_whose_layers_run_in_a_loop_all_rows_at_once_and_in_blocks():
    model = BertConfig(vocab_size=100, num_hidden_layers=3, hidden_size=32, num_attention_heads=4, intermediate_size=48)
    timing = Timing(latency=20)
    cases = [whole_encoder_case(TINY, model, tokens=5, rows=rows, timing=timing) for rows in (None, 3, 2)]
    rows = SUITE.simulate("table", tuple(cases))
    check_rows(rows)
    assert all(row["cosine"] > 0.999 for row in rows)
    # All at once, then in blocks of 3 and 2 rows, and of 2, 2 and 1.
    assert rows[0]["rtl_cycles"] < rows[1]["rtl_cycles"] < rows[2]["rtl_cycles"]


@pytest.mark.slow
def test_the_mapping_that_a_search_finds():
    base = load_system("tiny")
    parts = {name: getattr(TINY, name) for name in ("cim", "vector", "npe")}
    fabric = base.fabric.model_copy(update={name: getattr(TINY, name) for name in type(base.fabric).model_fields})
    system = base.model_copy(update={**parts, "fabric": fabric})
    assert system.accelerator == TINY
    prompt = Work(model=MODEL, system=system, phase=PREFILL, context=5)
    found = search(prompt, replace(PROMPT_SPACE, more_parts=0)).mapping
    assert found.chunk, "the default is the best: the case shows nothing"
    sizes = tuple(min(found.chunk, 5 - first) for first in range(0, 5, found.chunk))
    rows = SUITE.simulate("table", (whole_decoder_case(TINY, MODEL, prompt=sizes, tokens=0, mapping=found),))
    check_rows(rows)
    assert len(rows) == len(sizes)


SMALLER = MODEL.replace(
    hidden_size=16, num_attention_heads=2, num_key_value_heads=1, intermediate_size=16, vocab_size=300
)
FAULTS: dict[str, tuple[type[Command], int, dict[str, int], int]] = {
    "one layer too few": (Loop, 0, {"count": SMALLER.num_hidden_layers - 1}, 0),
    "weights of the next layer a page too far": (Add, 0, {"value": PAGE_BYTES}, 0),
    "keys and values of all layers in one place": (Add, 1, {"value": 0}, 1),
    "logits of all parts of the vocabulary in one place": (Add, 3, {"value": 0}, 0),
}
"""Planted faults of a compiler: kind of the command, number of commands of this kind before it, the wrong content, and
the first program whose results are then wrong."""


def with_fault(case: Case, kind: type[Command], number: int, change: dict[str, int], programs: int) -> Case:
    """Return the first ``programs`` programs of a case, a command of the first one of them changed."""
    memory = case.memory.copy()
    starts = count(case.runs[0].address, COMMAND_BYTES)
    places = (start for start in starts if isinstance(decode(TINY, command_at(memory, start)), kind))
    start = next(islice(places, number, None))
    changed = replace(decode(TINY, command_at(memory, start)), **change)  # type: ignore[arg-type]
    memory[start : start + COMMAND_BYTES] = encoded(TINY, [changed])
    return replace(case, memory=memory, runs=case.runs[:programs])


def command_at(memory: np.ndarray, start: int) -> bytes:
    return memory[start : start + COMMAND_BYTES].tobytes()


def test_what_a_wrong_compiler_would_do_is_seen():
    case = whole_decoder_case(TINY, SMALLER, prompt=(2,), tokens=1)
    cases = [with_fault(case, *fault[:3], programs=fault[3] + 1) for fault in FAULTS.values()]
    rows = iter(SUITE.simulate("table", (*cases, case)))
    for name, (*_, wrong) in FAULTS.items():
        assert not any(next(rows)["found"] for _ in range(wrong)), name
        row = next(rows)
        assert "that the steps make" in row["found"], name
        assert row["rtl_cycles"] == row["model_cycles"], name
    check_rows(list(rows))
