"""Contents of constants: weights, norms, biases and tables in the form that steps read."""

from collections.abc import Mapping

import numpy as np

from tilewright.mapping.models import bert, llama
from tilewright.mapping.models.config import BertConfig, LlamaConfig
from tilewright.mapping.precision.weights import quantise_weights
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision

from .e2m1 import factors_constant


def decoder_constants(
    model: LlamaConfig, tensors: Mapping[str, np.ndarray], precision: Precision, *, capacity: int
) -> dict[str, np.ndarray]:
    """Return the contents of the constants of the layers of a decoder.

    Parameters
    ----------
    tensors : mapping
        Weights (outputs, inputs), biases and norms of the layers by the names that Hugging Face gives them.
    """
    constants = factors_constant(precision.cache, model.head_dim)

    def put(name: str, values: np.ndarray) -> None:
        constants[name] = stored.FP32.from_fp32(values.astype(np.float32))

    put("one", np.ones(1))
    for table, values in zip(("cos", "sin"), llama.rotary_tables(model, capacity), strict=True):
        put(f"rotary.{table}", values)
    for layer in range(model.num_hidden_layers):
        # What scores are multiplied with goes into the queries: into their norm, or else their projection.
        scaled = llama.QUERY_NORM if model.qk_norm else llama.QUERY
        norms = (llama.NORM, llama.SECOND_NORM, *((llama.QUERY_NORM, llama.KEY_NORM) if model.qk_norm else ()))
        for part in norms:
            name = llama.layer_name(layer, part)
            put(f"{name}.weight", tensors[f"{name}.weight"] * (model.head_dim**-0.5 if part == scaled else 1.0))
        for part in (llama.QUERY, llama.KEY, llama.VALUE, llama.OUTPUT, llama.GATE, llama.UP, llama.DOWN):
            name, factor = llama.layer_name(layer, part), model.head_dim**-0.5 if part == scaled else 1.0
            weights = tensors[f"{name}.weight"].T * factor
            constants |= quantise_weights(weights, precision).constants(name)
            if model.qkv_bias and part in (llama.QUERY, llama.KEY, llama.VALUE):
                put(f"{name}.bias", tensors[f"{name}.bias"] * factor)
    return constants


def head_constants(tensors: Mapping[str, np.ndarray], precision: Precision) -> dict[str, np.ndarray]:
    """Return the contents of the constants after a decoder's layers.

    Parameters
    ----------
    tensors : mapping
        ``model.norm.weight``, and ``lm_head.weight`` (vocabulary, hidden).
    """
    quantised = quantise_weights(tensors[f"{llama.HEAD}.weight"].T, precision)
    norm = stored.FP32.from_fp32(tensors[f"{llama.FINAL_NORM}.weight"].astype(np.float32))
    return {f"{llama.FINAL_NORM}.weight": norm, **quantised.constants(llama.HEAD)}


def encoder_constants(
    model: BertConfig,
    tensors: Mapping[str, np.ndarray],
    precision: Precision,
    factors: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return the contents of the constants of the layers of an encoder.

    Parameters
    ----------
    tensors : mapping
        Weights (outputs, inputs) and biases of the layers by the names that Hugging Face gives them.
    factors : mapping
        With ``precision.smooth``, from :func:`.smoothing.smoothing_factors`.
    """
    columns = model.hidden_size if precision.scales == "token" else model.head_dim
    constants = factors_constant(precision.cache, columns)
    constants["one"] = stored.FP32.from_fp32(np.ones(1, np.float32))

    def put(name: str, values: np.ndarray) -> None:
        constants[name] = stored.FP32.from_fp32(values.astype(np.float32))

    def linear(layer: int, part: str, offset: np.ndarray | None = None, factor: float = 1.0, smooth: str = "") -> None:
        """Store weights; subtract from their bias, if they have one, the effect of ``offset`` in their inputs."""
        name = bert.layer_name(layer, part)
        weights = tensors[f"{name}.weight"].astype(np.float64).T * factor
        if precision.smooth and smooth and factors is not None and offset is not None:
            columns = factors[bert.layer_name(layer, smooth)]
            put(f"{bert.layer_name(layer, smooth)}.factors", columns)
            weights, offset = weights / columns[:, None], offset * columns
        quantised = quantise_weights(weights, precision)
        constants.update(quantised.constants(name))
        if offset is not None:
            put(f"{name}.bias", tensors[f"{name}.bias"] * factor - offset @ quantised.values)

    def bias(layer: int, part: str) -> np.ndarray:
        return tensors[f"{bert.layer_name(layer, part)}.bias"].astype(np.float64)

    put("input.bias", bias(0, bert.OUTPUT))
    for layer in range(model.num_hidden_layers):
        for part in (bert.QUERY, bert.KEY, bert.VALUE):
            linear(
                layer,
                part,
                bias(layer, bert.OUTPUT),
                model.head_dim**-0.5 if part == bert.QUERY else 1.0,
                bert.ATTENTION,
            )
        linear(layer, bert.OUTPUT)
        linear(layer, bert.UP, bias(layer, bert.DOWN), smooth=bert.UP)
        linear(layer, bert.DOWN)
        after = bias(layer + 1, bert.OUTPUT) if layer + 1 < model.num_hidden_layers else np.zeros(model.hidden_size)
        for norm, next_bias in ((bert.NORM, bias(layer, bert.DOWN)), (bert.LAST_NORM, after)):
            name = bert.layer_name(layer, norm)
            put(f"{name}.weight", tensors[f"{name}.weight"])
            put(f"{name}.bias", tensors[f"{name}.bias"] + next_bias)
    return constants
