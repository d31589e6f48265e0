"""Encoder and decoder layers with weights at random, for tests and benches."""

import numpy as np

from tilewright.mapping.lower import decoder, encoder
from tilewright.mapping.lower.decoder import (
    DOWN,
    GATE,
    KEY,
    NORM,
    OUTPUT,
    QUERY,
    SECOND_NORM,
    UP,
    VALUE,
    DecoderShape,
    layer_name,
)
from tilewright.mapping.lower.encoder import EncoderShape


def seeded_encoder(shape: EncoderShape, *, layers: int, seed: int) -> dict[str, np.ndarray]:
    """Return the tensors of some layers, by the names that Hugging Face gives them.

    Weights are normal, with a variance that keeps the size of activations; biases are large enough to be missed, gains
    of norms about 1.
    """
    rng = np.random.default_rng(seed)
    hidden, ffn = shape.hidden, shape.ffn
    square = dict.fromkeys((encoder.QUERY, encoder.KEY, encoder.VALUE, encoder.OUTPUT), (hidden, hidden))
    sizes = square | {encoder.UP: (ffn, hidden), encoder.DOWN: (hidden, ffn)}
    tensors = {}
    for layer in range(layers):
        for part, size in sizes.items():
            name = encoder.layer_name(layer, part)
            tensors[f"{name}.weight"] = rng.standard_normal(size) / np.sqrt(size[1])
            tensors[f"{name}.bias"] = rng.standard_normal(size[0])
        for part in (encoder.NORM, encoder.LAST_NORM):
            name = encoder.layer_name(layer, part)
            tensors[f"{name}.weight"] = 1 + 0.2 * rng.standard_normal(hidden)
            tensors[f"{name}.bias"] = rng.standard_normal(hidden)
    return tensors


def seeded_decoder(shape: DecoderShape, *, layers: int, seed: int) -> dict[str, np.ndarray]:
    """Return the tensors of some layers, by the names that Hugging Face gives them.

    Weights are normal, with a variance that keeps the size of activations; gains of norms are about 1.
    """
    rng = np.random.default_rng(seed)
    queries, keys = shape.heads * shape.head, shape.kv_heads * shape.head
    sizes = {
        QUERY: (queries, shape.hidden),
        KEY: (keys, shape.hidden),
        VALUE: (keys, shape.hidden),
        OUTPUT: (shape.hidden, queries),
        GATE: (shape.ffn, shape.hidden),
        UP: (shape.ffn, shape.hidden),
        DOWN: (shape.hidden, shape.ffn),
    }
    norms = {NORM: shape.hidden, SECOND_NORM: shape.hidden}
    if shape.head_norm:
        norms |= {decoder.QUERY_NORM: shape.head, decoder.KEY_NORM: shape.head}
    tensors = {}
    for layer in range(layers):
        for part, (outputs, inputs) in sizes.items():
            name = layer_name(layer, part)
            tensors[f"{name}.weight"] = rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)
            if shape.biases and part in (QUERY, KEY, VALUE):
                tensors[f"{name}.bias"] = 0.3 * rng.standard_normal(outputs)
        for part, size in norms.items():
            tensors[f"{layer_name(layer, part)}.weight"] = 1 + 0.2 * rng.standard_normal(size)
    return tensors
