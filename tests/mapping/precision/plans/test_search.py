"""The search on a tiny decoder: plans within their budgets, better than what they are compared with, resumed."""

from pathlib import Path

import numpy as np
import pytest

from tests.mapping.models.stored_models import tensors_of
from tests.mapping.tiny_models import tiny
from tilewright.base.errors import ConfigError
from tilewright.mapping.models.readers import Checkpoint
from tilewright.mapping.precision.plans import rounded
from tilewright.mapping.precision.plans.activations import RoundedInputs, key_offsets, parse_activations
from tilewright.mapping.precision.plans.decoder_network import DecoderNetwork
from tilewright.mapping.precision.plans.plan_file import identity_of, read_plan, read_rounded
from tilewright.mapping.precision.plans.rounded import RoundedMatrices, Sensitivity
from tilewright.mapping.precision.plans.search import parts, search
from tilewright.mapping.precision.plans.storage import parse_storages
from tilewright.mapping.precision.plans.texts import Texts, decoder_texts

STORAGES = parse_storages("int3/32,int4/32,int6/channel,int8/channel,posit5_1/channel,bf16")
MODEL = tiny("llama", attention_bias=False, mlp_bias=False, rope_scaling=None)
BUDGETS = (4.6, 6.0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path / "cache"))


def network() -> DecoderNetwork:
    """Return a tiny decoder whose value projections matter more than the others."""
    tensors = {name: each.astype(np.float64) for name, each in tensors_of("llama").items() if ".bias" not in name}
    return DecoderNetwork("tiny", MODEL, tensors)


def texts_of(found: DecoderNetwork) -> Texts:
    """Return texts that the decoder writes."""
    checkpoint = Checkpoint(Path("tiny"), MODEL, found.tensors, None)
    weights = sum(each.weights for each in found.products)
    return decoder_texts(checkpoint, identity_of(found), weights, 192, {})


def test_plans_keep_to_their_budgets_and_lose_less_than_what_they_are_compared_with(monkeypatch, tmp_path):
    subject, said = network(), []
    texts = texts_of(subject)
    result = search(subject, texts, STORAGES, BUDGETS, done=said.append)
    assert len(said) == parts(subject, BUDGETS, (), True)
    for plan, budget in zip(result.plans, BUDGETS, strict=True):
        assert budget - 0.3 < plan.bits_per_weight <= budget
        weights = sum(each.weights for each in subject.products)
        assert plan.bytes == pytest.approx(plan.bits_per_weight * weights / 8)
        within = [each for each in result.baselines if each.bits_per_weight <= budget]
        assert within
        assert plan.selection_loss <= min(each.selection_loss for each in within)
        assert plan.loss["kl"] < min(each.loss["kl"] for each in within if each.kind == "random")
    assert result.plans[1].selection_loss < result.plans[0].selection_loss
    losses = [result.gains[way].selection_loss for way in ("nearest", "clipped", "compensated")]
    assert losses[0] > losses[2]
    # A second search computes nothing.
    monkeypatch.setattr(rounded, "round_weights", lambda *_: pytest.fail("it is in the cache"))
    again = search(subject, texts, STORAGES, BUDGETS)
    assert again.to_dict() == result.to_dict()
    monkeypatch.undo()
    # The file has the weights with which the loss was measured.
    written = result.write_plan(tmp_path / "plan.json")
    plan = read_plan(written[0])
    plan.check_model(written[0], identity_of(subject), {each.name for each in subject.products})
    assert plan.assignment == result.plans[0].assignment
    values = read_rounded(written[0], plan)
    tensors = {**subject.tensors, **{f"{name}.weight": each for name, each in values.items()}}
    exact, found = (subject.after(0, each, subject.begin(texts.test)) for each in (subject.tensors, tensors))
    assert subject.loss(exact, found) == pytest.approx(result.plans[0].loss["kl"], rel=1e-6)


def test_sensitivity_is_the_loss_with_one_matrix_changed():
    subject = network()
    texts = texts_of(subject)
    sensitivity = Sensitivity(subject, texts.selection)
    for product in (subject.products[1], subject.products[9], subject.products[-1]):
        other = subject.tensors[product.tensor] * 1.1
        tensors = {**subject.tensors, product.tensor: other}
        wanted = subject.loss(sensitivity.expected, subject.after(0, tensors, subject.begin(texts.selection)))
        assert sensitivity.loss(product, other) == pytest.approx(wanted)
        assert wanted > 0
        assert sensitivity.loss(product, subject.tensors[product.tensor]) == pytest.approx(0, abs=1e-12)


def test_activations_cost_and_are_part_of_the_measures():
    subject = network()
    texts = texts_of(subject)
    alone = search(subject, texts, parse_storages("bf16"), (16,), baselines=False)
    with_int8, with_int4 = (
        search(subject, texts, parse_storages("bf16"), (16,), activations=name, baselines=False)
        for name in ("int8", "int4")
    )
    assert alone.plans[0].loss["kl"] < with_int8.plans[0].loss["kl"] < with_int4.plans[0].loss["kl"]


def test_keys_and_values_may_have_a_format_of_their_own():
    subject = network()
    texts = texts_of(subject)
    expected = subject.after(0, subject.tensors, subject.begin(texts.test))

    def lost(*formats):
        forms = [parse_activations(each) if each else None for each in formats]
        on_input = RoundedInputs(forms[0], {}, forms[1], key_offsets(subject, texts.calibration, {}))
        return subject.loss(expected, subject.after(0, subject.tensors, subject.begin(texts.test), on_input))

    # What is not given is not rounded, or has the format of the others.
    assert lost(None, None) == 0
    assert lost(None, "int8") < lost("int8", "int8") < lost("int8", "int4")
    assert lost(None, "int8") < lost(None, "int4") < lost("int4", "int8") < lost("int4", None)
    [found] = search(subject, texts, parse_storages("bf16"), (16,), cache="int4", baselines=False).plans
    assert found.loss["kl"] == pytest.approx(lost(None, "int4"), rel=0.1)  # weights in BF16 lose a little, too


def test_offsets_of_keys_change_nothing_but_what_is_lost():
    subject = network()
    texts = texts_of(subject)
    offsets = key_offsets(subject, texts.calibration, {})
    assert {each.shape for each in offsets.values()} == {(MODEL.num_key_value_heads, 1, MODEL.head_dim)}
    assert len(offsets) == subject.layers

    def outputs(*arguments):
        on_input = RoundedInputs(*arguments)
        return subject.after(0, subject.tensors, subject.begin(texts.selection), on_input)

    expected = outputs(None, {})
    # Keys that hardly differ from one another are what offsets are for; these are 100 times as far from 0 as apart.
    far = {name: each + 100 * np.abs(each).max() for name, each in offsets.items()}

    def shifted(name, values):
        return values + far[name] if name in far else values

    moved = subject.after(0, subject.tensors, subject.begin(texts.selection), shifted)
    assert subject.loss(expected, moved) < 1e-9

    def lost(offsets):
        rounding = RoundedInputs(None, {}, parse_activations("int4"), offsets)

        def on_input(name, values):
            return rounding(name, shifted(name, values))

        return subject.loss(expected, subject.after(0, subject.tensors, subject.begin(texts.selection), on_input))

    assert lost(far) < lost({}) / 2


def test_budgets_that_cannot_be_met_are_refused_before_anything_is_measured():
    subject = network()
    with pytest.raises(ConfigError, match=r"budget = 3 bits a weight is not allowed.*at least 3\.\d+"):
        search(subject, Texts((), (), ()), STORAGES, (3,))


def test_texts_are_disjoint_and_kept():
    subject = network()
    texts = texts_of(subject)
    assert not set(texts.calibration) & set(texts.selection)
    assert not set(texts.test) & {*texts.calibration, *texts.selection}
    assert [sum(map(len, each)) for each in (texts.calibration, texts.selection, texts.test)] == [192, 128, 128]
    assert texts_of(subject) == texts


def test_only_some_matrices_are_kept(monkeypatch):
    subject = network()
    matrices = RoundedMatrices(subject, texts_of(subject).calibration)
    monkeypatch.setattr(rounded, "KEPT_BYTES", 4 * subject.products[0].weights)
    first = matrices.matrix(subject.products[0], STORAGES[0], "clipped")
    assert matrices.matrix(subject.products[0], STORAGES[0], "clipped") is first
    matrices.matrix(subject.products[1], STORAGES[0], "clipped")
    assert matrices.matrix(subject.products[0], STORAGES[0], "clipped") is not first
