"""Encoders, decoders and a classifier with random weights, for tests and benches."""

import numpy as np

from . import bert, llama
from .classifier import Arranged, Classifier, Patches, Product
from .config import BertConfig, DecoderConfig
from .tensors import is_gain, tensor_shapes


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
    tensors = {}
    for name, shape in tensor_shapes(model).items():
        if not name.startswith(llama.layer_name(0).split("0")[0]):
            continue
        values = rng.standard_normal(shape)
        if name.endswith(".bias"):
            tensors[name] = 0.3 * values
        else:
            tensors[name] = 1 + 0.2 * values if is_gain(name) else values / np.sqrt(shape[1])
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


def seeded_classifier(rng: np.random.Generator) -> Classifier:
    """Return a classifier of pictures of 8 x 8: a convolution and two layers, ReLU after the first two."""

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape) / shape[-1] ** 0.5

    patches = Patches((1, 8, 8), (3, 3), (2, 2), (0, 0, 1, 1))
    return Classifier(
        "small",
        "x",
        (1, 8, 8),
        (
            Product("conv", ("x",), "a", (16, 4, 4), normal(16, 9), normal(16), True, patches),
            Arranged("flat", ("a",), "b", (256,)),
            Product("wide", ("b",), "c", (12,), normal(12, 256), normal(12), True),
            Product("classes", ("c",), "d", (5,), normal(5, 12), normal(5)),
        ),
    )
