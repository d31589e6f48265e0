"""Encoder and decoder layers with random weights, for tests and benches."""

import numpy as np

from . import bert, llama
from .config import BertConfig, DecoderConfig


def seeded_encoder(model: BertConfig, *, seed: int) -> dict[str, np.ndarray]:
    """Return the tensors of all layers, by the names that Hugging Face gives them.

    Weights are normal, with a variance that keeps the size of activations; biases are large enough to be missed, gains
    of norms about 1.
    """
    rng = np.random.default_rng(seed)
    hidden, ffn = model.hidden_size, model.intermediate_size
    square = dict.fromkeys((bert.QUERY, bert.KEY, bert.VALUE, bert.OUTPUT), (hidden, hidden))
    sizes = square | {bert.UP: (ffn, hidden), bert.DOWN: (hidden, ffn)}
    tensors = {}
    for layer in range(model.num_hidden_layers):
        for part, size in sizes.items():
            name = bert.layer_name(layer, part)
            tensors[f"{name}.weight"] = rng.standard_normal(size) / np.sqrt(size[1])
            tensors[f"{name}.bias"] = rng.standard_normal(size[0])
        for part in (bert.NORM, bert.LAST_NORM):
            name = bert.layer_name(layer, part)
            tensors[f"{name}.weight"] = 1 + 0.2 * rng.standard_normal(hidden)
            tensors[f"{name}.bias"] = rng.standard_normal(hidden)
    return tensors


def seeded_decoder(model: DecoderConfig, *, seed: int) -> dict[str, np.ndarray]:
    """Return the tensors of all layers, by the names that Hugging Face gives them.

    Weights are normal, with a variance that keeps the size of activations; gains of norms are about 1.
    """
    rng = np.random.default_rng(seed)
    queries, keys = model.num_attention_heads * model.head_dim, model.num_key_value_heads * model.head_dim
    sizes = {
        llama.QUERY: (queries, model.hidden_size),
        llama.KEY: (keys, model.hidden_size),
        llama.VALUE: (keys, model.hidden_size),
        llama.OUTPUT: (model.hidden_size, queries),
        llama.GATE: (model.intermediate_size, model.hidden_size),
        llama.UP: (model.intermediate_size, model.hidden_size),
        llama.DOWN: (model.hidden_size, model.intermediate_size),
    }
    norms = {llama.NORM: model.hidden_size, llama.SECOND_NORM: model.hidden_size}
    if model.post_norms:
        norms |= {llama.PRE_NORM: model.hidden_size, llama.LAST_POST_NORM: model.hidden_size}
    if model.qk_norm:
        norms |= {llama.QUERY_NORM: model.head_dim, llama.KEY_NORM: model.head_dim}
    biased: set[str] = set()
    if model.attention_bias or model.qkv_bias:
        biased |= {llama.QUERY, llama.KEY, llama.VALUE}
    if model.attention_bias:
        biased.add(llama.OUTPUT)
    if model.mlp_bias:
        biased |= {llama.GATE, llama.UP, llama.DOWN}
    tensors = {}
    for layer in range(model.num_hidden_layers):
        for part, (outputs, inputs) in sizes.items():
            name = llama.layer_name(layer, part)
            tensors[f"{name}.weight"] = rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)
            if part in biased:
                tensors[f"{name}.bias"] = 0.3 * rng.standard_normal(outputs)
        for part, size in norms.items():
            tensors[f"{llama.layer_name(layer, part)}.weight"] = 1 + 0.2 * rng.standard_normal(size)
    return tensors


def seeded_model(model: DecoderConfig, *, seed: int) -> dict[str, np.ndarray]:
    """Return the tensors of :func:`seeded_decoder`, embeddings of unit size, the last norm and the head."""
    rng = np.random.default_rng(seed + 1)
    shape = (model.vocab_size, model.hidden_size)
    return {
        **seeded_decoder(model, seed=seed),
        f"{llama.EMBEDDINGS}.weight": rng.standard_normal(shape),
        f"{llama.FINAL_NORM}.weight": 1 + 0.2 * rng.standard_normal(model.hidden_size),
        f"{llama.HEAD}.weight": rng.standard_normal(shape) / np.sqrt(model.hidden_size),
    }
