"""Factors that even out the columns of an encoder's activations before they become int8, as SmoothQuant does.

A few columns of a LayerNorm's result are many times larger than the others (in MiniLM up to 20 times the root mean
square of their row) and set the scale of the row. Multiplied with a factor each, and the rows of the weights divided by
it, they no longer do.
"""

from collections.abc import Iterable

import numpy as np

from tilewright.mapping.models.bert import ATTENTION, KEY, QUERY, UP, VALUE, layer_name
from tilewright.mapping.models.config import BertConfig
from tilewright.mapping.models.reference import Tensors, encoder_attention, encoder_layer

STRENGTH = 0.6
"""Strength of the factors: 0 leaves the activations as they are, 1 makes their columns equally large."""


def smoothing_factors(
    model: BertConfig, tensors: Tensors, examples: Iterable[np.ndarray], strength: float = STRENGTH
) -> dict[str, np.ndarray]:
    """Return a factor for each column of the inputs of projections, by the names of these inputs.

    Parameters
    ----------
    examples : iterable of ndarray, (tokens, hidden)
        Typical inputs of the first layer.
    """
    states = list(examples)
    factors = {}
    for layer in range(model.num_hidden_layers):
        prefix = layer_name(layer)
        middle = [encoder_attention(model, tensors, prefix, x) for x in states]
        for name, inputs, parts in ((ATTENTION, states, (QUERY, KEY, VALUE)), (UP, middle, (UP,))):
            activations = np.abs(np.concatenate(inputs)).max(axis=0)
            weights = np.abs(np.concatenate([tensors[f"{prefix}{part}.weight"] for part in parts])).max(axis=0)
            factors[prefix + name] = (weights ** (1 - strength) / activations**strength).astype(np.float64)
        states = [encoder_layer(model, tensors, prefix, x) for x in states]
    return factors
