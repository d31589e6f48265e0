"""One set of programs for every position in RTL: near the begin of a text, around the end of a block, far behind."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tilewright.bench.program_cases import Case
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.every_position_cases import every_position_case
from tilewright.cocotb_tests.accelerator.suite import (
    LAYER_BYTES,
    MXFP4,
    NARROW,
    SCALED,
    SMALL,
    TINY,
    WIDE,
    AcceleratorSuite,
)
from tilewright.cocotb_tests.accelerator.whole_decoder_suite import MODEL, SUITES
from tilewright.cocotb_tests.harness.rows import check_rows

pytestmark = pytest.mark.cosim

[SUITE] = SUITES
USUAL = Timing(latency=20, write_latency=20)
REFRESHED = replace(USUAL, refresh_period=780, refresh_cycles=76)
TIMINGS = {
    "near": Timing(),
    "usual": USUAL,
    "far": Timing(latency=200, write_latency=200),
    "slow": replace(USUAL, rate=Fraction(2, 5), write_rate=Fraction(2, 5)),
    "refreshed": REFRESHED,
}
POSITIONS = (0, 1, 255, 256, 300)
ARRAYS = {
    "INT8": TINY,
    "INT4": NARROW,
    "INT8 in scaled groups": SCALED,
    "FP4": WIDE,
    "MXFP4": MXFP4,
    "four tiles": SMALL,
}


@pytest.fixture(scope="module")
def short() -> Case:
    """Return tokens around the end of the first of two blocks."""
    return every_position_case(TINY, MODEL, positions=(0, 1, 31, 32, 40), capacity=48, block=32, timing=REFRESHED)


def test_positions_of_two_blocks(short):
    rows = SUITE.simulate("table", (short,))
    check_rows(rows)
    assert [row["name"].rsplit(", ")[-1] for row in rows] == [
        "tokens 0 to 3", "token 0", "token 1", "token 31", "token 32", "token 40"
    ]  # fmt: skip


def test_words_of_another_position_are_seen(short):
    # Token 32 is the first one of the second block, and gets the words of token 31, which end in the first one.
    *_, last, first, _ = short.runs
    assert last.address == first.address
    stale = tuple(each for each in first.patches if not in_program(each, first.address, short))
    assert len(stale) < len(first.patches)
    runs = (*short.runs[:-2], replace(first, patches=stale))
    *right, wrong = SUITE.simulate("table", (replace(short, runs=runs),))
    check_rows(right)
    assert "that the steps make" in wrong["found"]
    assert wrong["rtl_cycles"] == wrong["model_cycles"]


def in_program(patch: tuple[int, np.ndarray], address: int, case: Case) -> bool:
    """Return whether a patch lies in the program at an address; all others that begin later are behind it."""
    later = [run.address for run in case.runs if run.address > address]
    return address <= patch[0] < min(later, default=len(case.memory))


@pytest.mark.slow
@pytest.mark.parametrize("block", [0, 256], ids=["largest blocks", "blocks of 256"])
@pytest.mark.parametrize("config", ARRAYS.values(), ids=ARRAYS)
def test_positions_near_and_far(config, block):
    model = MODEL.replace(vocab_size=100)
    case = every_position_case(config, model, positions=POSITIONS, capacity=304, block=block)
    rows = suite_of(config).simulate("table", tuple(replace(case, timing=each) for each in TIMINGS.values()))
    check_rows(rows)
    assert len(rows) >= len(POSITIONS) * len(TIMINGS)


def suite_of(config) -> AcceleratorSuite:
    """Return the suite of an accelerator whose memory has room for the set."""
    if config == TINY:
        return SUITE
    return AcceleratorSuite(config=config, make_cases=lambda _: (), memory_bytes=LAYER_BYTES, label="every position")
