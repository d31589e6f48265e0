"""What follows the last layer of a decoder: a norm, and logits for some of the vocabulary."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.llama import FINAL_NORM, HEAD
from tilewright.mapping.precision.weights import quantise_weights
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.vector_command import Inverse, PassOptions, Reduce
from tilewright.sim.machine.vector.values import encode

from .lowering import MAGNITUDE, Lowered, Lowering


def lower_head(model: LlamaConfig, tokens: int, columns: int, precision: Precision) -> Lowered:
    """Return the steps from the last layer's output to so many logits, FP32."""
    lowering = Lowering(precision)
    source = lowering.matrix("input", tokens, model.hidden_size)
    squares = PassOptions(
        square=True, reduce=Reduce.SUM, scale=1 / model.hidden_size, offset=model.rms_norm_eps, inverse=Inverse.RSQRT
    )
    _, inverse = lowering.run(source, squares, to=f"{FINAL_NORM}.mean_square")
    normed = lowering.matrix(FINAL_NORM, tokens, model.hidden_size)
    gain = lowering.constant(f"{FINAL_NORM}.weight", 1, model.hidden_size)
    scale = lowering.run(source, replace(MAGNITUDE), multiply=inverse, b=gain, out=normed, to=f"{FINAL_NORM}.scale")
    logits = lowering.matrix("logits", tokens, columns, "fp32")
    lowering.run_scaled(lowering.project(lowering.quantised(normed, scale), HEAD, columns), out=logits)
    return lowering.finish(source, logits)


def head_constants(tensors: Mapping[str, np.ndarray], precision: Precision) -> dict[str, np.ndarray]:
    """Return the contents of the constants of :func:`lower_head`.

    Parameters
    ----------
    tensors : mapping
        ``model.norm.weight``, and ``lm_head.weight`` (vocabulary, hidden).
    """
    quantised = quantise_weights(tensors[f"{HEAD}.weight"].T, precision)
    norm = encode("fp32", tensors[f"{FINAL_NORM}.weight"].astype(np.float32))
    return {f"{FINAL_NORM}.weight": norm, **quantised.constants(HEAD)}
