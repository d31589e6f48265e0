"""The NPE's epilogue under Verilator, against the exact model, bit for bit and cycle by cycle."""

import functools

import numpy as np
import pytest

from tilewright.cocotb_tests.arith.units_suite import UnitsBench
from tilewright.cocotb_tests.npe import epilogue_vectors
from tilewright.cocotb_tests.npe.epilogue_harness import REDUCTIONS_LAG, element_layout
from tilewright.cocotb_tests.npe.epilogue_suite import CASES, EpilogueSuite
from tilewright.cocotb_tests.npe.epilogue_vectors import tile_vectors
from tilewright.cocotb_tests.runner import BenchError
from tilewright.hw.npe.epilogue import Epilogue
from tilewright.sim.config.npe import EPILOGUE_LATENCY, REDUCTION_INTERVAL, NpeConfig
from tilewright.sim.formats.simd import ALL_MODES, XR_NPE_MODES, Mode, SumFormat

pytestmark = pytest.mark.cosim

EVERYDAY = EpilogueSuite()
OTHERS = (
    EpilogueSuite(XR_NPE_MODES, 2),
    EpilogueSuite((Mode.FP4_E2M1,), 3),
    EpilogueSuite((Mode.INT4, Mode.INT8), 16),
    EpilogueSuite((Mode.FP8_E5M2, Mode.BF16), 5),
)


@functools.cache
def built(design: EpilogueSuite) -> UnitsBench:
    """Return a bench, built once."""
    return design.build()


def test_the_latencies_are_those_of_the_cycle_model():
    assert Epilogue.LATENCY == EPILOGUE_LATENCY
    assert Epilogue.INTERVAL == REDUCTION_INTERVAL
    assert Epilogue.REDUCTIONS_LAG == REDUCTIONS_LAG
    config = NpeConfig()
    assert EVERYDAY.rows == config.rows * (config.panels - 1)


@pytest.mark.parametrize("case", CASES)
def test_every_bit_in_its_cycle(case):
    vectors = EVERYDAY.vectors(case)
    [row] = built(EVERYDAY).run(vectors)
    print(f"{case}: {row}")
    assert row["values"] == vectors.ends.sum()
    # What each case is for is there.
    assert row["values"] >= {"scales": 19_000, "biases": 19_000, "reductions": 15_000}.get(case, 40_000)


@pytest.mark.parametrize("testcase", ["random_waits", "reset_in_flight"])
def test_gaps_and_resets_change_nothing(testcase):
    built(EVERYDAY).run(EVERYDAY.vectors("combinations"), testcase)


def test_the_cases_reach_every_operator_and_format():
    tiles = EVERYDAY.tiles("combinations")
    for field in ("scale", "bias"):
        assert {getattr(tile.options, field) for tile in tiles} == {False, True}
    assert {tile.options.residual for tile in tiles} == {None, *ALL_MODES}
    assert {tile.options.activation for tile in tiles} == {0, 1, 2, 3}
    assert {tile.options.out for tile in tiles} == {*ALL_MODES, SumFormat.FP32}
    assert {tile.options.out for tile in EVERYDAY.tiles("requantise")} == {*ALL_MODES, *SumFormat}
    assert {tile.options.residual for tile in EVERYDAY.tiles("residuals")} == set(ALL_MODES)


def test_rows_come_as_close_as_they_may():
    vectors = EVERYDAY.vectors("reductions")
    layout = element_layout(EVERYDAY.rows)
    words = [int.from_bytes(word.tobytes(), "little") for word in vectors.stimuli]

    def field(name: str) -> np.ndarray:
        place = layout[name]
        return np.array([word >> place.offset & ((1 << place.width) - 1) for word in words])

    row, first, cycles = field("row"), field("first"), np.arange(len(words))
    gaps = []
    for each in range(EVERYDAY.rows):
        mine = vectors.ends & (row == each)
        # From an element to the next of the same row of C.
        gaps.append(np.diff(cycles[mine])[first[mine][1:] == 0])
    joined = np.concatenate(gaps)
    assert joined.min() == REDUCTION_INTERVAL
    assert np.count_nonzero(joined == REDUCTION_INTERVAL) > 1000


@pytest.mark.slow
@pytest.mark.parametrize("design", OTHERS, ids=lambda design: design.name)
def test_other_formats_and_rows(design):
    bench = built(design)
    for case in CASES:
        [row] = bench.run(design.vectors(case))
        assert row["values"] > 0
    for testcase in ("random_waits", "reset_in_flight"):
        bench.run(design.vectors("combinations"), testcase)


@pytest.mark.slow
def test_all_codes_and_thresholds_of_the_wide_formats():
    bench = built(EVERYDAY)
    for case in ("requantise", "residuals"):
        [row] = bench.run(EVERYDAY.vectors(case, most=1 << 20))
        assert row["values"] > 400_000


@pytest.mark.slow
def test_activations_of_a_million_numbers():
    [row] = built(EVERYDAY).run(EVERYDAY.vectors("activations", step=1 << 14))
    assert row["values"] > 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_other_seeds(seed):
    print(f"seed {seed}")
    bench = built(EVERYDAY)
    for case, count in (("combinations", 1500), ("reductions", 500), ("scales", 100_000), ("biases", 100_000)):
        bench.run(EVERYDAY.vectors(case, seed=seed, count=count))


def test_a_control_word_that_changes_too_early_is_seen(monkeypatch):
    monkeypatch.setattr(epilogue_vectors, "DRAIN", 3)
    vectors = tile_vectors(EVERYDAY.tiles("combinations", count=50), np.random.default_rng(1), rows=EVERYDAY.rows)
    with pytest.raises(BenchError, match="instead of"):
        built(EVERYDAY).run(vectors)
