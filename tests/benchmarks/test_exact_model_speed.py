"""The speed of the exact model is that of a real token."""

from benchmarks.exact_model_speed import speed
from tilewright.sim.config import load_system


def test_a_token_takes_less_time_than_its_events():
    seen = speed("qwen2.5-0.5b", load_system("edge-int4"))
    assert seen.cycles > 1_000_000
    assert 0 < seen.counted_seconds < seen.computed_seconds / 2
