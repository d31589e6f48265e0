"""Equalisation of a decoder's columns before they become int8, folded into its own tensors: no pass and no cycle more.

A row of activations has one scale, which its largest element sets. Gains of norms are divided by factors by which the
columns of the weights after the norm are multiplied, as SmoothQuant does; rows of ``up`` and columns of ``down``
likewise. Keys have a part that is the same at every position, where rotary embedding turns slowly: it takes bits and
changes no probability, because it adds the same number to all scores of a query. Its negative is an offset of keys.
Rotary embedding turns pairs of elements: those of keys are multiplied by factors by which those of queries are divided.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.llama import (
    DOWN,
    FINAL_NORM,
    GATE,
    HEAD,
    KEY,
    KEY_NORM,
    KEY_OFFSETS,
    NORM,
    PRE_NORM,
    QUERY,
    QUERY_NORM,
    SECOND_NORM,
    UP,
    VALUE,
    layer_name,
)
from tilewright.mapping.models.reference import ATTENTION_INPUTS, QUERIES, FloatDecoder, Tensors
from tilewright.mapping.models.rows import ALL, Rows, RowScales, formats_of, rows_of, scales_of
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision

OUTPUTS = 1024
"""Maximum number of outputs of weights that are looked at together."""
STRENGTH = 0.4
"""Strength of the factors: 0 leaves activations as they are, 1 makes their columns equally large."""
PAIR_STRENGTH = 0.6
"""Strength of the factors of pairs of elements: 0 makes those of queries equally large, 1 those of keys."""
PARTS = ((DOWN, 4), (HEAD, 4))
"""Parts of the inputs of products of an INT8 array, see :attr:`.Precision.parts`: those that gain most for the least
cycles."""
MORE_PARTS = (*PARTS, *((part, 2) for part in (QUERY, KEY, VALUE, GATE, UP)))
"""Parts of the inputs of all products but ``o``, which lose the least: prompts of large models find less room."""


@runtime_checkable
class SaysHowFine(Protocol):
    """Tensors that say how fine the numbers of an array with INT8 weights are."""

    @property
    def finest(self) -> bool:
        """Whether activations are FP32, and the inputs of all products but ``o`` in parts, whatever the cycles."""
        ...


class Equalised(Mapping[str, np.ndarray]):
    """Tensors with factors of their rows and columns, which are applied whenever a tensor is asked for.

    Parameters
    ----------
    tensors : mapping
        Tensors by the names of :mod:`.tensors`.
    rows, columns : mapping
        Factors by name of the tensor; the gains of a norm and a bias have factors of rows.
    added : mapping
        Tensors that the others do not have, such as offsets of keys.
    """

    def __init__(
        self,
        tensors: Tensors,
        rows: Mapping[str, np.ndarray],
        columns: Mapping[str, np.ndarray],
        added: Mapping[str, np.ndarray],
    ):
        self.tensors, self.added = tensors, added
        self.row_factors, self.column_factors = rows, columns

    def __getitem__(self, name: str) -> np.ndarray:
        return self.rows(name, ALL)

    def rows(self, name: str, rows: Rows) -> np.ndarray:
        """Return some rows of a tensor, in their order."""
        if name in self.added:
            return self.added[name][rows]
        tensor = rows_of(self.tensors, name, rows)
        if name in self.row_factors:
            factors = self.row_factors[name][rows]
            tensor = tensor * (factors if tensor.ndim == 1 else factors[:, None])
        return tensor * self.column_factors[name] if name in self.column_factors else tensor

    def scales(self, name: str, rows: Rows) -> RowScales | None:
        """Return the scales of some rows of a tensor without factors; None if it has none."""
        has_factors = name in self.added or name in self.row_factors or name in self.column_factors
        return None if has_factors else scales_of(self.tensors, name, rows)

    def __contains__(self, name: object) -> bool:
        return name in self.added or name in self.tensors

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self.tensors), **dict.fromkeys(self.added)})

    def __len__(self) -> int:
        return len(set(self.tensors) | set(self.added))


def equalised(
    model: DecoderConfig,
    tensors: Tensors,
    texts: Sequence[Sequence[int]],
    *,
    strength: float = STRENGTH,
    norms: bool = True,
    networks: bool = True,
    offsets: bool = True,
    pairs: bool = True,
) -> Equalised:
    """Return tensors that compute the same in float64, and lose less when activations become int8.

    Offsets of keys take effect with :attr:`.Precision.key_offsets` alone; :func:`precision_of` sets it for
    tensors that contain them.

    Parameters
    ----------
    texts : sequence of token sequences
        Typical texts; the float64 reference runs them to see how large activations are.
    norms, networks, offsets : bool
        Whether the inputs after norms, the inputs of ``down``, and keys are equalised.
    pairs : bool
        Whether pairs of the elements of queries and keys are equalised.
    """
    seen = _Observed(model, tensors)
    for text in texts:
        seen.run(text)
    rows: dict[str, np.ndarray] = {}
    columns: dict[str, np.ndarray] = {}
    second = PRE_NORM if model.post_norms else SECOND_NORM
    layers = [layer_name(layer) for layer in range(model.num_hidden_layers)]
    groups: list[tuple[str, tuple[str, ...], tuple[str, ...], bool]]
    groups = [(f"{HEAD}.weight", (FINAL_NORM,), (HEAD,), norms)]
    for name in layers:
        groups += [
            (f"{name}{QUERY}.weight", (name + NORM,), tuple(name + part for part in (QUERY, KEY, VALUE)), norms),
            (f"{name}{GATE}.weight", (name + second,), (name + GATE, name + UP), norms),
            (f"{name}{DOWN}.weight", (name + UP,), (name + DOWN,), networks),
        ]
    for read, sources, readers, chosen in groups:
        if chosen:
            factors = _factors(seen.largest[read], tensors, [f"{each}.weight" for each in readers], strength)
            rows |= {f"{each}.{part}": 1 / factors for each in sources for part in ("weight", "bias")}
            columns |= {f"{each}.weight": factors for each in readers}
    names = offset_names(model) if offsets else []
    added = {name: -mean for name, mean in zip(names, seen.key_means(), strict=False)}
    for layer, name in enumerate(layers if pairs else ()):
        offset = f"{name}{KEY_OFFSETS}"
        factors = _pair_factors(seen.query_sizes[layer], seen.key_sizes(layer, added.get(offset)), shared=model.qk_norm)
        if model.qk_norm:  # All heads share the gains of a norm.
            query, key, of_query, of_key = QUERY_NORM, KEY_NORM, factors[0], factors[0]
        else:
            group = model.num_attention_heads // len(factors)
            query, key, of_query, of_key = QUERY, KEY, np.repeat(factors, group, axis=0), factors
        for part in ("weight", "bias"):
            rows |= {f"{name}{query}.{part}": 1 / of_query.ravel(), f"{name}{key}.{part}": of_key.ravel()}
        if offset in added:
            added[offset] = added[offset] * factors
    return Equalised(tensors, rows, columns, added)


def offset_names(model: DecoderConfig) -> list[str]:
    """Return the names of the offsets of keys of all layers; none if scores have a soft cap, under which a number that
    is added to all scores of a query changes probabilities."""
    if model.attn_logit_softcapping:
        return []
    return [f"{layer_name(layer)}{KEY_OFFSETS}" for layer in range(model.num_hidden_layers)]


def precision_of(config: AcceleratorConfig, model: DecoderConfig, tensors: Tensors) -> Precision:
    """Return the precision for which an accelerator is made, with the formats that some tensors have of their own, and
    with offsets of keys if they contain some: an INT8 array then also has FP32 numbers before and after rotary
    embedding, FP32 scores and scales of keys, and :data:`PARTS`, or the finest numbers if the tensors ask for these,
    unless tensors have formats of their own."""
    precision = replace(Precision.of_accelerator(config), by_matrix=formats_of(tensors))
    if not any(name in tensors for name in offset_names(model)):
        return precision
    precision = replace(precision, key_offsets=True)
    if config.cim is None or precision.weights != stored.INT8 or precision.by_matrix:
        return precision
    precision = replace(precision, attention=stored.FP32, key_scale=stored.FP32, parts=PARTS)
    if isinstance(tensors, SaysHowFine) and tensors.finest:
        precision = replace(precision, activations=stored.FP32, parts=MORE_PARTS)
    return precision


def _factors(largest: np.ndarray, tensors: Tensors, weights: Sequence[str], strength: float) -> np.ndarray:
    """Return the factors of the columns of some weights, geometric mean 1.

    Parameters
    ----------
    largest : ndarray
        Largest magnitude of each column of activations.
    weights : sequence of str
        Names of the weights, (outputs, inputs), that they are multiplied with; each output has a scale of its own.
    """
    share = np.zeros(len(largest))
    for name in weights:
        first = 0
        while len(rows := rows_of(tensors, name, slice(first, first + OUTPUTS))):
            magnitudes = np.abs(rows.astype(np.float64))
            peaks = magnitudes.max(axis=1, keepdims=True)
            share = np.maximum(share, (magnitudes / np.where(peaks > 0, peaks, 1)).max(axis=0))
            first += OUTPUTS
    used = (largest > 0) & (share > 0)
    factors = np.ones(len(largest))
    factors[used] = largest[used] ** strength / share[used] ** (1 - strength)
    factors[used] /= np.exp(np.log(factors[used]).mean())
    return factors


def _pair_factors(queries: np.ndarray, keys: np.ndarray, *, shared: bool) -> np.ndarray:
    """Return the factors of the elements of keys, (heads, head size): equal for both of a pair, geometric mean 1.

    Parameters
    ----------
    queries, keys : ndarray, (heads, head size)
        Sizes of the elements.
    shared : bool
        Whether all heads have the same factors.
    """
    heads, size = keys.shape
    sizes = [
        each.reshape(1 if shared else heads, -1, 2, size // 2).max(axis=(1, 2), keepdims=True)
        for each in (queries, keys)
    ]
    of_queries, of_keys = (np.where(each > 0, each, 1.0) for each in sizes)
    factors = of_queries ** (1 - PAIR_STRENGTH) / of_keys**PAIR_STRENGTH
    factors /= np.exp(np.log(factors).mean(axis=-1, keepdims=True))
    return np.broadcast_to(factors, (len(factors), heads // len(factors), 2, size // 2)).reshape(heads, size)


class _Observed:
    """Magnitudes of the inputs of products, and means and sizes of keys and queries, in the float64 reference."""

    def __init__(self, model: DecoderConfig, tensors: Tensors):
        self.model, self.tensors = model, tensors
        self.layers = {layer_name(layer): layer for layer in range(model.num_hidden_layers)}
        self.largest: dict[str, np.ndarray] = {}
        """Largest magnitude of each column of a product's input, by name of the weights."""
        self.keys: list[list[np.ndarray]] = [[] for _ in range(model.num_hidden_layers)]
        self.query_sizes = np.zeros((model.num_hidden_layers, model.num_attention_heads, model.head_dim))
        """Root of the sum of squares of each element of a query, by layer and head."""

    def run(self, text: Sequence[int]) -> None:
        """Run a text, and note what it shows."""
        decoder = FloatDecoder(self.model, self.tensors, context=len(text), on_input=self._note)
        # Logits are not needed, and take most of the memory of a run.
        self._note(HEAD, decoder.normed(text))
        for kept, cache in zip(self.keys, decoder.caches, strict=True):
            kept.append(cache.keys)

    def key_means(self) -> list[np.ndarray]:
        """Return the mean key of each head, (heads, head size) for each layer."""
        return [np.concatenate(each, axis=1).mean(axis=1) for each in self.keys]

    def key_sizes(self, layer: int, offsets: np.ndarray | None) -> np.ndarray:
        """Return the root of the sum of squares of each element of a key with its offset, (heads, head size)."""
        keys = np.concatenate(self.keys[layer], axis=1)
        return np.linalg.norm(keys if offsets is None else keys + offsets[:, None], axis=1)

    def _note(self, name: str, values: np.ndarray) -> np.ndarray:
        if not name.endswith(ATTENTION_INPUTS):
            largest = np.abs(values).max(axis=0)
            name = f"{name}.weight"
            self.largest[name] = np.maximum(self.largest.get(name, 0.0), largest)
        elif name.endswith(QUERIES):
            layer = self.layers[name.removesuffix(QUERIES)]
            self.query_sizes[layer] = np.hypot(self.query_sizes[layer], np.linalg.norm(values, axis=1))
        return values
