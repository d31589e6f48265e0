"""Rounding of matrices: each way loses less than the one before it, and what is stored can be stored."""

import numpy as np
import pytest

from tilewright.mapping.precision.plans import rounding
from tilewright.mapping.precision.plans.rounding import METHODS, Moments, round_weights
from tilewright.mapping.precision.plans.storage import parse_storage
from tilewright.sim.formats import MXFP4

NAMES = (
    "int3/32",
    "int4/channel",
    "int4/tensor",
    "int4/48",
    "fp4_e2m1/64",
    "posit4_1/channel",
    "posit5_1/32",
    "mxfp4",
    "nvfp4",
)


def example(outputs: int = 24, inputs: int = 160) -> tuple[np.ndarray, Moments]:
    """Return weights with some large ones, and moments of inputs that are correlated, as real ones are."""
    rng = np.random.default_rng(1)
    weights = rng.standard_t(5, (outputs, inputs)) * rng.uniform(0.2, 2, (outputs, 1))
    tokens = rng.standard_normal((400, 20)) @ rng.standard_normal((20, inputs)) + rng.standard_normal((400, inputs))
    return weights, Moments(tokens.T @ tokens)


@pytest.mark.parametrize("name", NAMES)
def test_each_way_loses_less_than_the_one_before_it(name):
    weights, moments = example()
    errors = [moments.error(weights, round_weights(weights, parse_storage(name)[0], moments, way)) for way in METHODS]
    assert errors[0] > errors[1] > 1.3 * errors[2] > 0


@pytest.mark.parametrize("form", ["int4", "fp4_e2m1", "posit4_1", "posit5_1"])
def test_scales_of_groups_lose_no_more_than_those_of_outputs(form):
    weights, moments = example()
    channel, groups = (
        moments.error(weights, round_weights(weights, parse_storage(f"{form}/{each}")[0], moments, "compensated"))
        for each in ("channel", 32)
    )
    assert groups < channel


def test_without_correlation_compensation_changes_nothing():
    weights, _ = example()
    moments = Moments(np.eye(weights.shape[1]))
    [storage] = parse_storage("int4/channel")
    clipped, compensated = (round_weights(weights, storage, moments, way) for way in METHODS[1:])
    np.testing.assert_allclose(clipped, compensated, atol=1e-12)


def test_compensation_in_the_wrong_direction_would_be_seen(monkeypatch):
    weights, moments = example()
    [storage] = parse_storage("int4/channel")
    good = moments.error(weights, round_weights(weights, storage, moments, "compensated"))
    factor = moments.factor.copy()
    off = ~np.eye(len(factor), dtype=bool)
    factor[off] *= -1
    monkeypatch.setattr(rounding.Moments, "factor", factor)
    assert moments.error(weights, round_weights(weights, storage, moments, "compensated")) > 2 * good


@pytest.mark.parametrize("way", METHODS)
@pytest.mark.parametrize("name", ["int4/32", "int5/48", "posit5_1/32"])
def test_rounded_weights_are_numbers_times_integer_factors_times_a_scale(name, way):
    weights, moments = example(outputs=3, inputs=96)
    [storage] = parse_storage(name)
    rounded = round_weights(weights, storage, moments, way)
    for row in rounded:
        for start in range(0, 96, storage.group):
            group = row[start : start + storage.group]
            # All weights of a group are numbers of the format times one scale.
            scales = group[group != 0][:1] / storage.numbers[storage.numbers != 0]
            fits = [np.isclose(group / each, storage.nearest(group / each), atol=1e-9).all() for each in scales]
            assert any(fits)


def test_the_nearest_way_is_the_rule_of_the_format():
    weights, moments = example(inputs=96)
    found = round_weights(weights, parse_storage("mxfp4")[0], moments, "nearest")
    np.testing.assert_array_equal(found, MXFP4.decode(MXFP4.encode(weights)))


def test_outputs_of_zeros_stay_zeros():
    weights, moments = example()
    weights[3] = 0
    weights[5, :32] = 0
    for name in NAMES:
        for way in METHODS[:2]:
            rounded = round_weights(weights, parse_storage(name)[0], moments, way)
            assert not rounded[3].any(), (name, way)
            assert np.isfinite(rounded).all()
        assert np.isfinite(round_weights(weights, parse_storage(name)[0], moments, "compensated")).all()
