"""The decoder of the model that comes with Tilewright, in JAX, for training: with rounding as the accelerator has it.

With ``rounded``, weights are numbers of INT4 with a scale for each output, which the smallest presets store, and
activations are INT8 with a scale for each row. Gradients pass through the roundings as if these were not there.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .shape import SHAPE, Shape
from .task import TENS, WORDS, in_words

Parameters = dict[str, Any]


WEIGHT_LIMIT, ACTIVATION_LIMIT = 7, 127
"""Largest numbers of INT4 and INT8."""
SCALE_BITS = 5
"""Number of significant bits of scales of weights: BF16 holds their products with numbers of INT4 exactly."""


def initial(key: jax.Array, shape: Shape = SHAPE) -> Parameters:
    """Return random parameters; the first elements of the embeddings of number words are angles of their digits."""
    keys = iter(jax.random.split(key, 100))
    hidden, ffn = shape.hidden_size, shape.intermediate_size
    queries, shared = (heads * shape.head_dim for heads in (shape.num_attention_heads, shape.num_key_value_heads))

    def matrix(outputs: int, inputs: int, factor: float = 1.0) -> jax.Array:
        return jax.random.normal(next(keys), (outputs, inputs)) * (factor / np.sqrt(inputs))

    layers = [
        {
            "n1": jnp.ones(hidden),
            "n2": jnp.ones(hidden),
            "q": matrix(queries, hidden),
            "k": matrix(shared, hidden),
            "v": matrix(shared, hidden),
            "o": matrix(hidden, queries, 0.3),
            "g": matrix(ffn, hidden),
            "u": matrix(ffn, hidden),
            "d": matrix(hidden, ffn, 0.3),
        }
        for _ in range(shape.num_hidden_layers)
    ]
    embeddings = np.array(jax.random.normal(next(keys), (len(WORDS), hidden)) * 0.15)
    for number in [*range(20), *range(20, 20 + 10 * len(TENS), 10)]:
        angles = digit_angles(number)
        embeddings[WORDS.index(in_words(number)), : len(angles)] = 0.3 * np.array(angles)
    return {"layers": layers, "emb": jnp.asarray(embeddings), "norm": jnp.ones(hidden)}


def digit_angles(number: int) -> list[float]:
    """Return places on circles, parity and size of the two digits of a number."""
    found: list[float] = []
    for digit in (number % 10, number // 10):
        for turns in (1, 2, 3, 4):
            angle = 2 * np.pi * turns * digit / 10
            found += [np.cos(angle), np.sin(angle)]
        found += [(-1.0) ** digit, (digit - 4.5) / 3]
    return found


def straight_through(values: jax.Array, rounded: jax.Array) -> jax.Array:
    """Return rounded values whose gradient is that of the values."""
    return values + jax.lax.stop_gradient(rounded - values)


def weights_on_grid(weights: jax.Array) -> jax.Array:
    """Return weights (outputs, inputs) as numbers of INT4 times a scale for each output."""
    scale = jnp.abs(weights).max(1, keepdims=True) / WEIGHT_LIMIT + 1e-9
    step = jnp.exp2(jnp.floor(jnp.log2(scale)) - (SCALE_BITS - 1))
    scale = jnp.round(scale / step) * step
    return jnp.clip(jnp.round(weights / scale), -WEIGHT_LIMIT, WEIGHT_LIMIT) * scale


def logits(parameters: Parameters, tokens: jax.Array, segments: jax.Array, rounded: bool, shape: Shape = SHAPE) -> Any:
    """Return the logits after each token of some rows, (rows, tokens, words).

    Parameters
    ----------
    segments : jax.Array
        Number of the text that a token belongs to; tokens of other texts in the same row are not seen.
    """

    def weight(values: jax.Array) -> jax.Array:
        return straight_through(values, weights_on_grid(values)) if rounded else values

    def activation(values: jax.Array) -> jax.Array:
        if not rounded:
            return values
        scale = jnp.abs(values).max(-1, keepdims=True) / ACTIVATION_LIMIT + 1e-9
        return straight_through(values, jnp.round(values / scale) * scale)

    def norm(values: jax.Array, gain: jax.Array) -> jax.Array:
        return values * jax.lax.rsqrt((values * values).mean(-1, keepdims=True) + shape.rms_norm_eps) * gain

    def turned(values: jax.Array) -> jax.Array:
        first, second = jnp.split(values, 2, -1)
        return values * cosines + jnp.concatenate([-second, first], -1) * sines

    rows, length = tokens.shape
    size, heads, shared = shape.head_dim, shape.num_attention_heads, shape.num_key_value_heads
    frequencies = shape.rope_theta ** (-jnp.arange(0, size, 2) / size)
    angles = jnp.arange(length)[:, None] * frequencies[None]
    angles = jnp.concatenate([angles, angles], -1)
    cosines, sines = jnp.cos(angles)[None, :, None], jnp.sin(angles)[None, :, None]
    before = jnp.arange(length)[:, None] >= jnp.arange(length)[None]
    seen = (segments[:, :, None] == segments[:, None, :]) & before
    embeddings = weight(parameters["emb"])
    x = embeddings[tokens]
    for layer in parameters["layers"]:
        normed = activation(norm(x, layer["n1"]))
        query = (normed @ weight(layer["q"]).T).reshape(rows, length, heads, size)
        key = (normed @ weight(layer["k"]).T).reshape(rows, length, shared, size)
        value = activation(normed @ weight(layer["v"]).T).reshape(rows, length, shared, size)
        query, key = activation(turned(query)), activation(turned(key))
        key, value = jnp.repeat(key, heads // shared, 2), jnp.repeat(value, heads // shared, 2)
        scores = jnp.einsum("blhd,bmhd->bhlm", query, key) / np.sqrt(size)
        shares = activation(jax.nn.softmax(jnp.where(seen[:, None], scores, -1e9), -1))
        mixed = activation(jnp.einsum("bhlm,bmhd->blhd", shares, value).reshape(rows, length, heads * size))
        x = x + mixed @ weight(layer["o"]).T
        normed = activation(norm(x, layer["n2"]))
        gated = activation(jax.nn.silu(normed @ weight(layer["g"]).T) * (normed @ weight(layer["u"]).T))
        x = x + gated @ weight(layer["d"]).T
    return activation(norm(x, parameters["norm"])) @ embeddings.T
