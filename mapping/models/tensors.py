"""The tensors of a decoder: their names and shapes, and where a family's files have them.

Names are those of Hugging Face's Llama. Rows of queries and keys are in the order of :class:`.Rotary`: element i of a
head turns with the element half a head after it, and elements that do not turn are the last ones of each half. Gains
are factors.
"""

import numpy as np

from . import llama
from .config import DecoderConfig

Shape = tuple[int, ...]


def tensor_shapes(model: DecoderConfig) -> dict[str, Shape]:
    """Return the shape of every tensor of a decoder, weights as (outputs, inputs), in the order of its layers."""
    shapes: dict[str, Shape] = {}
    for layer in range(model.num_hidden_layers):
        shapes |= {llama.layer_name(layer, part): shape for part, shape in _layer_shapes(model).items()}
    hidden = model.hidden_size
    shapes[f"{llama.EMBEDDINGS}.weight"] = (model.vocab_size, hidden)
    shapes[f"{llama.FINAL_NORM}.weight"] = (hidden,)
    shapes[f"{llama.HEAD}.weight"] = (model.vocab_size, hidden)
    return shapes


def _layer_shapes(model: DecoderConfig) -> dict[str, Shape]:
    hidden, ffn = model.hidden_size, model.intermediate_size
    queries, keys = model.attention_size, model.key_value_size
    attention, network = model.attention_bias, model.mlp_bias
    products = (
        (llama.QUERY, queries, hidden, attention or model.qkv_bias),
        (llama.KEY, keys, hidden, attention or model.qkv_bias),
        (llama.VALUE, keys, hidden, attention or model.qkv_bias),
        (llama.OUTPUT, hidden, queries, attention),
        (llama.GATE, ffn, hidden, network),
        (llama.UP, ffn, hidden, network),
        (llama.DOWN, hidden, ffn, network),
    )
    shapes: dict[str, Shape] = {}
    for part, outputs, inputs, biased in products:
        shapes[f"{part}.weight"] = (outputs, inputs)
        if biased:
            shapes[f"{part}.bias"] = (outputs,)
    norms = {llama.NORM: hidden, llama.SECOND_NORM: hidden}
    if model.post_norms:
        norms |= {llama.PRE_NORM: hidden, llama.LAST_POST_NORM: hidden}
    if model.qk_norm:
        norms |= {llama.QUERY_NORM: model.head_dim, llama.KEY_NORM: model.head_dim}
    return shapes | {f"{part}.weight": (size,) for part, size in norms.items()}


def is_gain(name: str) -> bool:
    """Return whether a tensor is the gains of a norm."""
    return name.removesuffix(".weight").endswith("norm")


def turning(name: str) -> bool:
    """Return whether the rows of a tensor are elements of heads that rotary embedding turns."""
    return name.rpartition(".")[0].endswith((llama.QUERY, llama.KEY, llama.QUERY_NORM, llama.KEY_NORM))


def turned_last(model: DecoderConfig, values: np.ndarray) -> np.ndarray:
    """Return rows of heads with the elements that do not turn, which are last in files, at the end of each half."""
    size, turns = model.head_dim, model.rotary_size
    if turns == size:
        return values
    stay = (size - turns) // 2
    order = np.concatenate(
        [
            np.arange(turns // 2),
            turns + np.arange(stay),
            np.arange(turns // 2, turns),
            turns + stay + np.arange(stay),
        ]
    )
    heads = values.reshape(-1, size, *values.shape[1:])
    return heads[:, order].reshape(values.shape)


def in_halves(size: int, values: np.ndarray) -> np.ndarray:
    """Return rows of heads in which pairs are neighbours, as in Meta's files, with a half of each pair in each half."""
    pairs = values.reshape(-1, size // 2, 2, *values.shape[1:])
    return np.swapaxes(pairs, 1, 2).reshape(values.shape)
