"""What follows the last layer of a decoder: a norm, and logits for some of the vocabulary."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tilewright.mapping.precision.weights import quantise_weights
from tilewright.sim.isa.vector_command import Inverse, PassOptions, Reduce
from tilewright.sim.machine.vector.values import encode

from .decoder import DecoderShape
from .lowering import MAGNITUDE, Arithmetic, Lowered, Lowering

NORM, HEAD = "model.norm", "lm_head"


def lower_head(shape: DecoderShape, tokens: int, columns: int, arithmetic: Arithmetic) -> Lowered:
    """Return the steps from the last layer's output to so many logits, FP32."""
    lowering = Lowering(arithmetic)
    source = lowering.matrix("input", tokens, shape.hidden)
    squares = PassOptions(
        square=True, reduce=Reduce.SUM, scale=1 / shape.hidden, offset=shape.epsilon, inverse=Inverse.RSQRT
    )
    _, inverse = lowering.run(source, squares, to=f"{NORM}.mean_square")
    normed = lowering.matrix(NORM, tokens, shape.hidden)
    gain = lowering.constant(f"{NORM}.weight", 1, shape.hidden)
    scale = lowering.run(source, replace(MAGNITUDE), multiply=inverse, b=gain, out=normed, to=f"{NORM}.scale")
    logits = lowering.matrix("logits", tokens, columns, "fp32")
    lowering.run_scaled(lowering.project(lowering.quantised(normed, scale), HEAD, columns), out=logits)
    return lowering.finish(source, logits)


def head_constants(tensors: Mapping[str, np.ndarray], arithmetic: Arithmetic) -> dict[str, np.ndarray]:
    """Return the contents of the constants of :func:`lower_head`.

    Parameters
    ----------
    tensors : mapping
        ``model.norm.weight``, and ``lm_head.weight`` (vocabulary, hidden).
    """
    quantised = quantise_weights(tensors[f"{HEAD}.weight"].T, arithmetic)
    norm = encode("fp32", tensors[f"{NORM}.weight"].astype(np.float32))
    return {f"{NORM}.weight": norm, **quantised.constants(HEAD)}
