"""Weights of a plan on an array: their codes reach the array as they are, and what does not fit is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.mapping.models.stored_models import tensors_of
from tests.mapping.tiny_models import tiny
from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models import llama
from tilewright.mapping.models.readers import Checkpoint
from tilewright.mapping.models.rows import RowScales, RowsFrom, scales_of
from tilewright.mapping.precision.calibration import Calibrated
from tilewright.mapping.precision.equalisation import precision_of
from tilewright.mapping.precision.plans.decoder_network import DecoderNetwork
from tilewright.mapping.precision.plans.on_array import HeldMatrix, formats_of, held_plan
from tilewright.mapping.precision.plans.plan_file import Plan, identity_of
from tilewright.mapping.precision.plans.planned import PlannedTensors, factors_found, planned, scales_found
from tilewright.mapping.precision.plans.rounded import moments_of
from tilewright.mapping.precision.plans.rounding import round_weights
from tilewright.mapping.precision.plans.storage import parse_storage
from tilewright.mapping.precision.quantisation import quantise_weights
from tilewright.sim.config import load_system
from tilewright.sim.formats import stored
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision

MODEL = tiny("qwen3", num_hidden_layers=1)
TENSORS = tensors_of("qwen3", num_hidden_layers=1)
CHECKPOINT = Checkpoint(Path("tiny"), MODEL, TENSORS, None)
TINY = load_system("tiny")
MIXED = load_system("small").with_({"cim.tile.narrow_weights": "int4"})
GROUPS = TINY.with_({"cim.tile.group_scale": "uint8", "cim.tile.group_rows": 32})
"""Array of INT4 weights with a factor of the scale for each 32 inputs of an output."""


def rounded_by(name: str, method: str = "compensated") -> dict[str, np.ndarray]:
    """Return the matrices of the tiny model in a storage, by name."""
    network, [storage] = DecoderNetwork("tiny", MODEL, TENSORS), parse_storage(name)
    tokens = np.random.default_rng(1).integers(MODEL.vocab_size, size=(6, 32))
    moments = moments_of(network, [tuple(map(int, row)) for row in tokens])
    return {
        each.name: round_weights(TENSORS[each.tensor], storage, moments[each.name], method).astype(np.float32)
        for each in network.products
    }


def plan_of(names: dict[str, str]) -> Plan:
    network = DecoderNetwork("tiny", MODEL, TENSORS)
    assignment = {name: parse_storage(storage)[0] for name, storage in names.items()}
    return Plan("tiny", identity_of(network), assignment, None, {})


def tensors_in(name: str, rounded: dict[str, np.ndarray]) -> PlannedTensors:
    """Return the tensors of the tiny model with matrices of one storage, on an array that has it."""
    [storage] = parse_storage(name)
    form = stored.stored_format(storage.format.name)
    return PlannedTensors(TENSORS, rounded, [HeldMatrix(each, storage, form, True) for each in rounded])


@pytest.mark.parametrize("name", ["int4/channel", "int8/channel", "fp4_e2m1/channel"])
def test_codes_of_a_plan_are_the_codes_of_the_array(name):
    [storage] = parse_storage(name)
    precision = Precision(weights=stored.stored_format(storage.format.name))
    for weights in rounded_by(name).values():
        scales = scales_found(weights, storage)
        for factor in (1.0, 8**-0.5):
            own = RowScales(scales * storage.unit * factor)
            done = quantise_weights(weights.T.astype(np.float64) * factor, precision, own)
            numbers = precision.weights.format.decode(done.codes)
            np.testing.assert_allclose(numbers * scales, weights.T, rtol=1e-6, atol=1e-12)
            # The scale is rounded to BF16, which moves nothing but the whole column.
            np.testing.assert_allclose(done.values, weights.T * factor, rtol=2**-8, atol=1e-12)
    # Without the scales, the largest number of a column would be the largest of the format.
    other = quantise_weights(weights.T.astype(np.float64), precision)
    assert (precision.weights.format.decode(other.codes) != numbers).any()


def test_rows_of_scales_follow_the_rows_of_weights():
    tensors = tensors_in("int4/channel", rounded_by("int4/channel"))
    head = tensors.scales("lm_head.weight", slice(None))
    assert head.rows.shape == (MODEL.vocab_size,)
    assert scales_of(tensors, "model.norm.weight", slice(None)) is None
    moved = RowsFrom(tensors, "lm_head.weight", 290)
    assert moved.rows("lm_head.weight", slice(4, 20)).shape == (16, 64)
    assert moved.scales("lm_head.weight", slice(4, 20)).rows.tolist() == [*head.rows[294:], *([0.0] * 10)]
    calibrated = Calibrated(replace(CHECKPOINT, tensors=tensors), load_system("small").accelerator)
    # Factors of columns would take the weights off their numbers.
    assert not calibrated.columns
    assert (calibrated.scales("lm_head.weight", slice(None)).rows == head.rows).all()


def test_the_arithmetic_of_the_array_has_the_weights_of_the_plan():
    """Compensated weights are nearer to the reference than weights that the array's own rule rounds."""
    tokens = list(map(int, np.random.default_rng(2).integers(MODEL.vocab_size, size=40)))
    rounded = {f"{name}.weight": each for name, each in rounded_by("int4/channel").items()}
    exact = DecoderNetwork("tiny", MODEL, TENSORS)
    precision = Precision(weights=stored.INT4)
    wanted = exact.after(0, TENSORS, exact.begin([tokens]))
    in_plan = exact.after(0, {**TENSORS, **rounded}, exact.begin([tokens]))

    def loss(expected, tensors) -> float:
        logits = StepsDecoder(MODEL, tensors, precision, context=40).logits(tokens)
        return exact.loss(expected, [logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))])

    tensors = tensors_in("int4/channel", rounded_by("int4/channel"))
    assert loss(wanted, tensors) < 0.9 * loss(wanted, TENSORS)
    assert loss(in_plan, tensors) < 0.3 * loss(
        in_plan, rounded | {k: v for k, v in TENSORS.items() if k not in rounded}
    )


def test_a_plan_is_read_for_its_model_and_array(tmp_path):
    path, rounded = tmp_path / "p.json", rounded_by("int4/channel")
    plan_of(dict.fromkeys(rounded, "int4/channel")).write(path, rounded)
    tensors = planned(path, CHECKPOINT, TINY)
    assert (tensors["lm_head.weight"] == rounded["lm_head"]).all()
    assert tensors["model.norm.weight"] is TENSORS["model.norm.weight"]
    assert set(tensors) == set(TENSORS)
    assert len(tensors) == len(TENSORS)
    other = tensors_of("qwen3", num_hidden_layers=1) | {"lm_head.weight": TENSORS["lm_head.weight"] * 2}
    with pytest.raises(ConfigError, match="the plan is for another model"):
        planned(path, replace(CHECKPOINT, tensors=other), TINY)
    # INT8 has the numbers of INT4.
    assert dict(planned(path, CHECKPOINT, load_system("small")).formats)["lm_head"] == stored.INT8
    assert dict(planned(path, CHECKPOINT, MIXED).formats)["lm_head"] == stored.INT4
    wrong = rounded | {"lm_head": TENSORS["lm_head.weight"]}
    plan_of(dict.fromkeys(rounded, "int4/channel")).write(path, wrong)
    with pytest.raises(ConfigError, match=r"row 0 is no row of numbers of int4/channel times a scale"):
        planned(path, CHECKPOINT, TINY)
    wrong = rounded | {"lm_head": rounded["lm_head"][:5]}
    plan_of(dict.fromkeys(rounded, "int4/channel")).write(path, wrong)
    with pytest.raises(ConfigError, match="weights of another shape"):
        planned(path, CHECKPOINT, TINY)


def test_a_plan_of_several_formats_goes_where_the_array_has_them(tmp_path):
    path, rounded = tmp_path / "p.json", rounded_by("int4/channel") | {"lm_head": rounded_by("int8/channel")["lm_head"]}
    names = dict.fromkeys(rounded, "int4/channel") | {"lm_head": "int8/channel"}
    plan_of(names).write(path, rounded)
    tensors = planned(path, CHECKPOINT, MIXED)
    assert [form.name for _, form in tensors.formats] == ["int4"] * 7 + ["int8"]
    precision = precision_of(MIXED.accelerator, MODEL, tensors)
    graph = llama.decode(MODEL, 8, precision)
    assert {each.name: each.precision.weights.name for each in graph.of(Kind.MATMUL)} == {
        name: form.name for name, form in tensors.formats
    }
    assert {each.precision.weights.name for each in graph if each.kind is not Kind.MATMUL} == {"int8"}
    with pytest.raises(ConfigError) as refused:
        planned(path, CHECKPOINT, TINY)
    assert str(refused.value) == (
        f"{path}: weights.lm_head = int8/channel is not allowed: the array of tiny has numbers of int4 with a scale an "
        "output"
    )


@pytest.mark.parametrize(
    ("storage", "array", "held", "exact"),
    [
        ("int3/channel", MIXED, "int4", True),
        ("int5/tensor", MIXED, "int8", True),
        ("fp4_e2m1/channel", MIXED, "int8", True),
        ("posit4_0/channel", MIXED, "int8", True),
        ("int4/32", MIXED, "int4", False),
        ("int4/32", GROUPS, "int4", True),
        ("int4/128", GROUPS, "int4", True),
        ("int4/48", GROUPS, "int4", False),
        ("int4/channel", GROUPS, "int4", True),
        ("nvfp4", GROUPS, "int4", False),
        ("mxfp4", MIXED, "int8", False),
        ("posit8_0/channel", MIXED, "int8", False),
        ("bf16", MIXED, "int8", False),
        ("int8/channel", TINY, "int4", False),
        ("fp4_e2m1/channel", MIXED.with_({"cim.tile.narrow_weights": "fp4_e2m1"}), "fp4_e2m1", True),
    ],
)
def test_a_storage_is_held_in_the_narrowest_format_that_has_its_numbers(storage, array, held, exact):
    plan = plan_of({"a": storage})
    [found] = held_plan(Path("p.json"), plan, array.cim.tile).matrices
    assert (found.format.name, found.exact) == (held, exact)


def test_a_search_for_an_array_has_the_storages_of_the_array():
    assert formats_of(MIXED.cim.tile) == "int8/channel,int4/channel"
    assert formats_of(GROUPS.cim.tile) == "int4/32"


def test_numbers_of_e2m1_are_integers_of_an_int8_array():
    rounded = rounded_by("fp4_e2m1/channel")
    [storage] = parse_storage("fp4_e2m1/channel")
    tensors = PlannedTensors(TENSORS, rounded, [HeldMatrix(each, storage, stored.INT8, True) for each in rounded])
    weights, scales = tensors["lm_head.weight"].T, tensors.scales("lm_head.weight", slice(None))
    done = quantise_weights(weights.astype(np.float64), Precision(), scales)
    assert set(np.unique(np.abs(done.codes))) <= {0, 1, 2, 3, 4, 6, 8, 12}
    np.testing.assert_allclose(done.codes * scales.rows, weights, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("method", ["nearest", "clipped", "compensated"])
@pytest.mark.parametrize("name", ["int4/32", "int4/64", "int8/32", "fp4_e2m1/32"])
def test_codes_of_groups_are_the_codes_of_the_array(name, method):
    [storage] = parse_storage(name)
    form = stored.stored_format(storage.format.name)
    precision = Precision(weights=form, group=storage.group, group_scale=stored.UINT8)
    for weights in rounded_by(name, method).values():
        found = factors_found(weights, storage)
        assert set(np.unique(found.factors)) <= set(range(1, 256))
        assert (stored.BF16.decode(stored.BF16.encode(found.rows)) == found.rows).all()
        done = quantise_weights(
            weights.T.astype(np.float64), precision, RowScales(found.rows * storage.unit, found.factors)
        )
        # The scale of an output is a number of BF16 already: nothing is rounded.
        np.testing.assert_allclose(done.values, weights.T, rtol=1e-6, atol=1e-12)


def test_groups_of_few_and_of_even_numbers_have_factors():
    [storage] = parse_storage("int4/32")
    rng = np.random.default_rng(3)
    codes = rng.integers(-7, 8, (40, 70))
    codes[:, 64:] = 0
    codes[:, 65] = 7 * rng.choice((-1, 0, 1), 40)  # one number, which any scale fits
    codes[:8, :32] *= 0
    codes[8:16, :32] = 2 * rng.integers(-3, 4, (8, 32))
    codes[0] = 0
    factors, scales = rng.integers(1, 256, (40, 3)), stored.BF16.decode(stored.BF16.encode(rng.uniform(1e-4, 1, 40)))
    weights = codes * np.repeat(factors, 32, axis=1)[:, :70] * scales[:, None]
    found = factors_found(weights.astype(np.float32), storage)
    steps = np.repeat(found.factors, 32, axis=1)[:, :70] * found.rows[:, None]
    numbers = np.divide(weights, steps, where=steps > 0, out=np.zeros_like(weights))
    np.testing.assert_allclose(numbers, np.rint(numbers), atol=1e-5)
    assert np.abs(numbers).max() <= 7
    assert found.rows[0] == 0
    weights[20, np.flatnonzero(codes[20, :32])[:2]] *= 1.01, 1.02
    with pytest.raises(ValueError, match="row 20 is no row"):
        factors_found(weights, storage)


def test_the_array_has_the_groups_of_a_plan(tmp_path):
    """Steps with the weights of the plan lose as little as the plan; those that the array rounds itself lose more."""
    path, rounded = tmp_path / "p.json", rounded_by("int4/64")
    plan_of(dict.fromkeys(rounded, "int4/64")).write(path, rounded)
    tensors = planned(path, CHECKPOINT, GROUPS)
    precision = precision_of(GROUPS.accelerator, MODEL, tensors)
    assert precision.group == 32
    tokens = list(map(int, np.random.default_rng(2).integers(MODEL.vocab_size, size=40)))
    exact = DecoderNetwork("tiny", MODEL, TENSORS)
    weights = {f"{name}.weight": each for name, each in rounded.items()}
    in_plan = exact.after(0, {**TENSORS, **weights}, exact.begin([tokens]))

    def loss(tensors) -> float:
        logits = StepsDecoder(MODEL, tensors, precision, context=40).logits(tokens)
        return exact.loss(in_plan, [logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))])

    assert loss(tensors) < 0.3 * loss(TENSORS)
    plan_of(dict.fromkeys(rounded, "int4/64") | {"lm_head": "int3/48"}).write(path, rounded)
    with pytest.raises(ConfigError, match="int4 with a scale an output and a factor of it for each 32 inputs"):
        planned(path, CHECKPOINT, GROUPS)
