"""Families of models: published parameter counts, options of their files, and keys that are refused."""

import json
import math

import numpy as np
import pytest

from tests.mapping.tiny_models import OPTIONS, SIZES, tiny
from tilewright.base.errors import ConfigError
from tilewright.mapping.models import llama, load_model, model_names
from tilewright.mapping.models.families import DECODERS
from tilewright.mapping.models.load import MODELS, load_config, shipped_folder
from tilewright.mapping.models.rope_scaling import RopeScaling
from tilewright.mapping.models.seeded import seeded_model
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.graph.rotary import Rotary

PARAMETERS = {
    # Sums of the shapes of the tensors of the published checkpoints; tied embeddings count once.
    "gemma-2b": 2_506_172_416,
    "gemma-3-1b": 999_885_952,
    "granite-3-2b": 2_533_531_648,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "mistral-7b": 7_248_023_552,
    "phi-3.5-mini": 3_821_079_552,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
    "qwen2.5-3b": 3_085_938_688,
    "qwen3-0.6b": 596_049_920,
    "qwen3-1.7b": 1_720_574_976,
    "qwen3-4b": 4_022_468_096,
    "smollm2-1.7b": 1_711_376_384,
    "smollm3-3b": 3_075_098_624,
    "tinyllama-1.1b": 1_100_048_384,
}


def test_parameters_are_the_published_ones():
    published = [name for name in model_names() if not shipped_folder(name)]
    assert {name: load_model(name).parameters for name in published} == PARAMETERS


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_shipped_file_names_its_source(name):
    source = json.loads((MODELS / f"{name}.json").read_text())["_source"]
    assert source.startswith("huggingface.co/")


@pytest.mark.parametrize("family", OPTIONS)
def test_parameters_are_the_elements_of_the_tensors(family):
    model = tiny(family)
    tensors = seeded_model(model, seed=1)
    if model.tie_word_embeddings:
        del tensors[f"{llama.HEAD}.weight"]
    assert sum(each.size for each in tensors.values()) == model.parameters


@pytest.mark.parametrize("family", OPTIONS)
def test_products_of_a_graph_are_the_weights(family):
    model = tiny(family)
    graph = llama.decode(model, 20, Precision())
    assert sum(each.k * each.n for each in graph.of(Kind.MATMUL)) == (
        model.num_hidden_layers * model.layer_weights + model.vocab_size * model.hidden_size
    )


@pytest.mark.parametrize("family", OPTIONS)
def test_a_copy_of_a_description_is_equal(family):
    assert tiny(family).replace() == tiny(family)
    assert tiny(family).replace(vocab_size=400).vocab_size == 400


def test_windows_and_rotary_embedding_of_layers():
    gemma = load_model("gemma-3-1b")
    assert [layer for layer in range(26) if not gemma.window(layer)] == [5, 11, 17, 23]
    assert gemma.rotary(0, 8) == Rotary.plain(10000.0, 256)
    assert gemma.rotary(5, 8) == Rotary.plain(1000000.0, 256)
    assert [layer for layer in range(36) if not load_model("smollm3-3b").turns(layer)] == list(range(3, 36, 4))
    qwen = load_model("qwen2.5-1.5b")
    assert {qwen.window(layer) for layer in range(28)} == {0}
    sliding = qwen.replace(use_sliding_window=True, max_window_layers=20, sliding_window=64)
    assert [layer for layer in range(28) if sliding.window(layer) == 64] == list(range(20, 28))
    # A file without the key means the window of the first Mistral; null means none.
    mistral = {**SIZES, "model_type": "mistral"}
    assert DECODERS["mistral"].model_validate(mistral).window(0) == 4096
    assert DECODERS["mistral"].model_validate({**mistral, "sliding_window": None}).window(0) == 0
    assert DECODERS["mistral"].model_validate({**mistral, "sliding_window": None}).replace().window(0) == 0


def test_a_window_ends_the_cache_that_is_read():
    model = tiny("mistral", max_position_embeddings=4096, sliding_window=100)
    graph = llama.decode(model, 1000, Precision(window_step=64))
    scores = graph.of(Kind.SCORES)[0]
    # Positions 900 to 999 are seen; 896 is the multiple of 64 before them.
    assert (scores.first, scores.n, scores.window) == (896, 104, 100)
    [mask] = [each for each in graph.of(Kind.CONSTANT) if each.name.startswith(llama.MASK)]
    assert (mask.m, mask.n) == (1, 104)
    assert scores.read_bytes == 100 * 2 * (16 + 2)
    exact = llama.decode(model, 996, Precision(window_step=64))
    assert (exact.of(Kind.SCORES)[0].n, len(exact.of(Kind.CONSTANT))) == (100, 2)
    prompt = llama.prefill(model, 90, Precision())
    assert {each.window for each in prompt.of(Kind.SCORES)} == {0}, "a cache shorter than the window"


def test_factors_of_granite_and_gemma():
    granite, gemma = load_model("granite-3-2b"), load_model("gemma-2b")
    graph = llama.decode(granite, 4, Precision())
    assert {each.factor for each in graph.of(Kind.SCORES)} == {0.015625}
    assert graph[llama.HEAD].factor == 1 / 8
    assert graph[llama.EMBEDDED].factor == 12
    assert {graph[llama.layer_name(3, part)].factor for part in (llama.OUTPUT, llama.DOWN)} == {0.22}
    graph = llama.decode(gemma, 4, Precision())
    assert graph[llama.EMBEDDED].factor == math.sqrt(2048)
    assert len(graph.of(Kind.GELU_MULTIPLY)) == 18


def test_scaling_of_rotary_embedding():
    base, size = 10000.0, 64
    plain = np.array(Rotary.plain(base, size).frequencies)

    def scaled(context: int = 1, **fields: object) -> tuple[np.ndarray, float]:
        rotary = RopeScaling.model_validate(fields).rotary(base, size, context, 4096)
        return np.array(rotary.frequencies), rotary.scale

    assert scaled(rope_type="linear", factor=4.0)[0] == pytest.approx(plain / 4)
    # Within the model's own context dynamic scaling changes nothing; at 4 times it, the lowest frequency is divided by 13.
    assert scaled(4096, type="dynamic", factor=4.0)[0] == pytest.approx(plain)
    longer = scaled(4 * 4096, type="dynamic", factor=4.0)[0]
    assert longer[0] == 1
    assert longer[-1] == pytest.approx(plain[-1] / 13)
    for fields in (
        {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096},
        {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
         "original_max_position_embeddings": 4096},
    ):  # fmt: skip
        ratio = plain / scaled(**fields)[0]
        turns = 4096 * plain / (2 * np.pi)
        assert ratio[turns > 33] == pytest.approx(1)
        assert ratio[turns < 0.7] == pytest.approx(4)
        assert (np.diff(ratio) >= -1e-12).all(), "frequencies between are divided by something between"
    assert scaled(rope_type="yarn", factor=4.0, original_max_position_embeddings=4096)[1] == pytest.approx(
        0.1 * math.log(4) + 1
    )
    divisors = [1.0 + each / 8 for each in range(32)]
    longrope = {"type": "su", "long_factor": [2 * each for each in divisors], "short_factor": divisors,
                "original_max_position_embeddings": 128}  # fmt: skip
    assert scaled(128, **longrope)[0] == pytest.approx(plain / divisors)
    assert scaled(129, **longrope)[0] == pytest.approx(plain / divisors / 2)


def test_the_factor_of_long_rotary_embedding_is_that_of_published_files():
    # phi3.rope.scaling.attn_factor in GGUF files of Phi-3.5-mini.
    assert load_model("phi-3.5-mini").rotary(0, 8).scale == pytest.approx(1.190238, abs=1e-6)


def test_a_part_of_a_head_turns():
    cosines, sines = Rotary.plain(100.0, 6).tables(5, 10)
    assert (cosines[:, [3, 4, 8, 9]] == 1).all()
    assert not sines[:, [3, 4, 8, 9]].any()
    assert sines[1, 0] == sines[1, 5] == math.sin(1)


def write(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps({**SIZES, "model_type": "llama", **changes}, indent=1))
    return file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_local_experts": 8}, "num_local_experts = 8 is not allowed: a mixture of experts is not understood"),
        ({"quantization_config": {"bits": 4}}, "quantization_config = {'bits': 4} is not allowed: the weights must be plain numbers"),
        ({"hidden_act": "relu2"}, "hidden_act = 'relu2' is not allowed"),
        ({"model_type": "mamba"}, "model_type = 'mamba' is not allowed (did you mean 'llama'? one of: bert"),
        ({"model_type": "qwen3_moe"}, "model_type = 'qwen3_moe' is not allowed (did you mean 'qwen3'?"),
        ({"model_type": 3}, "model_type = 3 is not allowed (one of: bert, gemma"),
        ({"sliding_window": 128}, "sliding_window = 128 is not allowed: the key is not understood in a llama model"),
        ({"rope_interleaved": True}, "rope_interleaved = True is not allowed: it must be false"),
        ({"alibi": True}, "alibi = True is not allowed: the key is not understood in a llama model; leave it out"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor = 0.5 is not allowed: it must be 1"),
        ({"rope_scaling": {"type": "ntk", "factor": 2.0}}, "rope_scaling.rope_type = 'ntk' is not allowed"),
        ({"rope_scaling": {"type": "linear"}}, "rope_scaling.factor is missing: rope_type = linear needs it"),
        ({"rope_scaling": {"type": "linear", "factor": -1.0}}, "rope_scaling.factor = -1.0 is not allowed"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0, "beta": 1}}, "rope_scaling.beta is not allowed: the key is not understood"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0, "beta_fast": 1}}, "rope_scaling.beta_fast = 1.0 is not allowed with rope_type = linear"),
        ({"model_type": "phi3", "original_max_position_embeddings": 8, "rope_scaling": {"type": "longrope", "long_factor": [1.0], "short_factor": [1.0]}}, "rope_scaling.short_factor has 1 numbers: there must be 8"),
        ({"model_type": "smollm3", "no_rope_layers": [1]}, "no_rope_layers has 1 entries: there must be num_hidden_layers = 3"),
        ({"model_type": "gemma2", "layer_types": ["linear_attention"] * 3}, "layer_types.0 = 'linear_attention' is not allowed"),
        ({"model_type": "gemma", "hidden_act": "silu"}, "hidden_act = 'silu' is not allowed in a gemma: it must be 'gelu' or 'gelu_pytorch_tanh'"),
        ({"model_type": "phi3", "partial_rotary_factor": 0.06}, "partial_rotary_factor = 0.06 is not allowed: 0 of head_dim = 16 elements would turn"),
        ({"model_type": "llava", "text_config": {**SIZES, "model_type": "llama", "alibi": 1}}, "alibi = 1 is not allowed"),
        ({"model_type": "llava", "quantization_config": {}, "text_config": {**SIZES, "model_type": "llama"}}, "quantization_config = {} is not allowed"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_its_key(tmp_path, changes, message):
    file = write(tmp_path, **changes)
    with pytest.raises(ConfigError) as error:
        load_model(file)
    assert str(error.value).startswith(f"{file}")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_text_model_inside_another_and_the_newer_names_of_angles(tmp_path):
    angles = {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 5e3},
    }
    inner = {**SIZES, "model_type": "gemma3_text", "rope_parameters": angles, "sliding_window": 8}
    model = load_model(write(tmp_path, model_type="gemma3", text_config=inner, vision_config={"hidden_size": 3}))
    assert model.model_type == "gemma3_text"
    assert model.rotary(0, 64) == Rotary.plain(5e3, 16)
    assert model.replace(sliding_window_pattern=1).rotary(0, 64).frequencies[0] == 1 / 8
    assert model.positions == 64
    newer = load_model(write(tmp_path, rope_parameters={"rope_type": "default", "rope_theta": 77.0}))
    assert newer.rotary(0, 4) == Rotary.plain(77.0, 16)


def test_a_longer_context_by_scaling(tmp_path):
    model = load_model(write(tmp_path, rope_scaling={"type": "linear", "factor": 4.0}))
    assert len(llama.decode(model, 256, Precision()).of(Kind.SCORES)) == 3
    with pytest.raises(ConfigError, match="context = 257 is not allowed: it must be 1 to rope_scaling's longest = 256"):
        llama.decode(model, 257, Precision())


def test_an_encoder_is_read_but_has_no_decode_step(tmp_path):
    file = write(tmp_path, model_type="bert", layer_norm_eps=1e-12, hidden_act="gelu", head_dim=None,
                 num_key_value_heads=None, max_position_embeddings=512)  # fmt: skip
    assert load_config(file).parameters == (300 + 512 + 2 + 2) * 64 + 3 * (4 * 64 * 65 + 64 * 97 + 96 * 65 + 4 * 64)
    with pytest.raises(ConfigError, match="model_type = 'bert' is not allowed here: an encoder has no decode step"):
        load_model(file)
