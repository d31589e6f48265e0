"""Decoder layers as in Llama: attention over a cache and a gated SiLU network, each behind an RMSNorm."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.llama import (
    DOWN,
    GATE,
    KEY,
    KEY_NORM,
    NORM,
    OUTPUT,
    QUERY,
    QUERY_NORM,
    SECOND_NORM,
    UP,
    VALUE,
    layer_name,
    rotary_tables,
)
from tilewright.mapping.precision.weights import quantise_weights
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.steps import Matrix, Scalars
from tilewright.sim.isa.vector_command import Function, Inverse, PassOptions, Reduce
from tilewright.sim.machine.vector.values import encode

from .attention import KeysValues, attend
from .e2m1 import factors_constant
from .lowering import MAGNITUDE, PLAIN, Lowered, Lowering, Quantised, magnitude


def lower_decoder(model: LlamaConfig, tokens: int, position: int, precision: Precision, *, capacity: int) -> Lowered:
    """Return the steps of all layers on tokens that follow ``position`` others, whose keys and values are kept.

    Parameters
    ----------
    capacity : int
        Positions for which the cache has room.

    Raises
    ------
    ValueError
        If it has none for these tokens.
    """
    if position + tokens > capacity:
        raise ValueError(f"capacity = {capacity} is not enough for {tokens} tokens behind {position}")
    lowering = Lowering(precision)
    source = lowering.matrix("input", tokens, model.hidden_size)
    residual = source
    for layer in range(model.num_hidden_layers):
        residual = _Layer(lowering, model, layer, position, capacity).add(residual)
    return lowering.finish(source, residual)


def lower_network(model: LlamaConfig, tokens: int, precision: Precision) -> Lowered:
    """Return the steps of a layer's second half: norm, gated network, residual."""
    lowering = Lowering(precision)
    source = lowering.matrix("input", tokens, model.hidden_size)
    return lowering.finish(source, _Layer(lowering, model, 0, 0, tokens).add_network(source))


@dataclass(frozen=True)
class _Layer:
    """Adds one layer."""

    lowering: Lowering
    model: LlamaConfig
    layer: int
    position: int
    capacity: int

    def add(self, x: Matrix) -> Matrix:
        """Add everything from the input to the output; return that."""
        lowering, model = self.lowering, self.model
        tokens, hidden = x.rows, model.hidden_size
        x8 = self.normed(x, NORM)
        query = self.rotated(self.heads_of(x8, QUERY, model.num_attention_heads), QUERY, QUERY_NORM)
        caches = self.appended(x8)
        mixed = lowering.matrix(self.name("mixed"), tokens, model.num_attention_heads * model.head_dim)
        for index, (rows, kv_head, out) in enumerate(self.query_rows(query, mixed)):
            base = self.position if tokens > 1 else None
            attend(lowering, self.name(f"attention.{index}"), rows, caches[kv_head], out, base=base)

        total = lowering.matrix(self.name(f"{OUTPUT}.sum"), tokens, hidden)
        output = lowering.project(lowering.quantised_afresh(mixed), self.name(OUTPUT), hidden, x)
        lowering.run_scaled(output, out=total)
        return self.add_network(total)

    def add_network(self, total: Matrix) -> Matrix:
        """Add the gated network behind its norm; return its sum with what goes in, the output of the layer."""
        lowering, model = self.lowering, self.model
        tokens, hidden = total.rows, model.hidden_size
        x8 = self.normed(total, SECOND_NORM)
        gate, up = (lowering.matrix(self.name(part), tokens, model.intermediate_size) for part in (GATE, UP))
        for out, part in ((gate, GATE), (up, UP)):
            lowering.run_scaled(lowering.project(x8, self.name(part), model.intermediate_size), out=out)
        gated = lowering.matrix(self.name("mlp.gated"), tokens, model.intermediate_size)
        swiglu = replace(MAGNITUDE, function=Function.SILU)
        scale = lowering.run(gate, swiglu, b=up, out=gated, to=self.name("mlp.gated.scale"))
        down = lowering.project(lowering.quantised(gated, scale), self.name(DOWN), hidden, total)
        result = lowering.matrix(self.name("output"), tokens, hidden)
        lowering.run_scaled(down, out=result)
        return result

    def name(self, part: str) -> str:
        """Return a name in this layer."""
        return layer_name(self.layer, part)

    def normed(self, x: Matrix, part: str) -> Quantised:
        """Add an RMSNorm, quantised."""
        out = self.lowering.matrix(self.name(part), x.rows, x.columns)
        return self.lowering.quantised(out, self.root_mean_square(x, part, out, MAGNITUDE))

    def root_mean_square(self, x: Matrix, part: str, out: Matrix, options: PassOptions) -> tuple[Scalars, Scalars]:
        """Add an RMSNorm; return what the options reduce it to."""
        epsilon = self.model.rms_norm_eps
        squares = PassOptions(
            square=True, reduce=Reduce.SUM, scale=1 / x.columns, offset=epsilon, inverse=Inverse.RSQRT
        )
        name = f"{self.name(part)}.{out.offset}"
        _, inverse = self.lowering.run(x, squares, to=f"{name}.mean_square")
        gamma = self.lowering.constant(f"{self.name(part)}.weight", 1, x.columns)
        return self.lowering.run(x, options, multiply=inverse, b=gamma, out=out, to=f"{name}.scale")

    def heads_of(self, x8: Quantised, part: str, heads: int) -> Matrix:
        """Add a projection to some heads."""
        columns = heads * self.model.head_dim
        bias = self.lowering.constant(f"{self.name(part)}.bias", 1, columns) if self.model.qkv_bias else None
        out = self.lowering.matrix(self.name(part), x8.codes.rows, columns)
        self.lowering.run_scaled(self.lowering.project(x8, self.name(part), columns, bias), out=out)
        return out

    def appended(self, x8: Quantised) -> list[KeysValues]:
        """Add new keys and values to the cache; return what each of its heads then holds."""
        lowering, model = self.lowering, self.model
        key, value = (self.heads_of(x8, part, model.num_key_value_heads) for part in (KEY, VALUE))
        rows, storage = model.num_key_value_heads * self.capacity, lowering.precision.cache
        (keys, key_scales), (values, value_scales) = (
            (lowering.state(name, rows, model.head_dim, storage), lowering.state(f"{name}.scales", rows, 1, "fp32"))
            for name in (self.name("cache.keys"), self.name("cache.values"))
        )
        new_keys = self.rotated(key, KEY, KEY_NORM, self.new_rows(keys, x8.codes.rows))
        new_values = []
        for index, (source, out) in enumerate(
            zip(self.head_rows(value), self.new_rows(values, x8.codes.rows), strict=True)
        ):
            options = magnitude(storage)
            scale = lowering.run(source, options, to=self.name(f"{VALUE}.{index}.scale"))
            new_values.append(lowering.quantised(source, scale, out=out))
        for new, scales in ((new_keys, key_scales), (new_values, value_scales)):
            for each, place in zip(new, self.new_rows(scales, x8.codes.rows), strict=True):
                lowering.write_scalars(each.scale, place)
        end = self.position + x8.codes.rows
        heads = []
        for first in range(0, rows, self.capacity):
            those = slice(first, first + end)
            of_keys, of_values = (each.reshaped(1, rows).part(columns=those) for each in (key_scales, value_scales))
            heads.append(KeysValues(keys.part(rows=those), of_keys, values.part(rows=those), of_values))
        return heads

    def new_rows(self, cache: Matrix, tokens: int) -> list[Matrix]:
        """Return the places of new rows in a cache, as :meth:`head_rows` orders them."""
        heads, columns = self.model.num_key_value_heads, cache.columns
        if tokens == 1:
            one = self.capacity * columns
            return [Matrix(cache.buffer, heads, columns, stride=one, offset=self.position * columns)]
        firsts = [head * self.capacity + self.position for head in range(heads)]
        return [cache.part(rows=slice(first, first + tokens)) for first in firsts]

    def query_rows(self, query: list[Quantised], mixed: Matrix) -> list[tuple[Quantised, int, Matrix]]:
        """Return queries that go through attention together: them, their head of the cache, the place of the result.

        A head's tokens, or, of one token, the heads that share keys and values.
        """
        group = self.model.num_attention_heads // self.model.num_key_value_heads
        outs = self.head_rows(mixed)
        if mixed.rows > 1:
            return [(rows, head // group, outs[head]) for head, rows in enumerate(query)]
        return [
            (query[0].row_part(head * group, group), head, outs[0].part(rows=slice(head * group, (head + 1) * group)))
            for head in range(self.model.num_key_value_heads)
        ]

    def head_rows(self, matrix: Matrix) -> list[Matrix]:
        """Return matrices of rows of one head each: a matrix a head, or, of one token, all heads as rows of one."""
        head = self.model.head_dim
        if matrix.rows == 1:
            return [matrix.reshaped(matrix.columns // head, head)]
        return [matrix.part(columns=slice(c, c + head)) for c in range(0, matrix.columns, head)]

    def rotated(self, x: Matrix, part: str, norm: str, out: list[Matrix] | None = None) -> list[Quantised]:
        """Add norm and rotary embedding of heads, and quantise them, into ``out`` if it is given."""
        lowering, half = self.lowering, self.model.head_dim // 2
        if self.model.qk_norm:
            normed = lowering.matrix(self.name(norm), x.rows, x.columns)
            for source, result in zip(self.head_rows(x), self.head_rows(normed), strict=True):
                self.root_mean_square(source, norm, result, PLAIN)
            x = normed
        cos, sin = (
            lowering.constant(f"rotary.{table}", self.capacity, self.model.head_dim).part(
                rows=slice(self.position, self.position + x.rows)
            )
            for table in ("cos", "sin")
        )
        turned = lowering.matrix(self.name(f"{part}.cos"), x.rows, x.columns)
        result = lowering.matrix(self.name(f"{part}.rotated"), x.rows, x.columns)
        codes = self.head_rows(lowering.matrix(self.name(f"{part}.int8"), x.rows, x.columns, "int8"))
        heads = []
        for index, matrices in enumerate(
            zip(self.head_rows(x), self.head_rows(turned), self.head_rows(result), out or codes, strict=True)
        ):
            source, first, both, eight = matrices
            lowering.run(source, b=cos, out=first)
            name = self.name(f"{part}.{index}.scale")
            options = replace(magnitude(lowering.precision.cache if out else "int8"), rotate=half)
            scale = lowering.run(source, options, b=sin, c=first, out=both, to=name)
            heads.append(lowering.quantised(both, scale, out=eight))
        return heads


def decoder_constants(
    model: LlamaConfig, tensors: Mapping[str, np.ndarray], precision: Precision, *, capacity: int
) -> dict[str, np.ndarray]:
    """Return the contents of the constants of :func:`lower_decoder`.

    Parameters
    ----------
    tensors : mapping
        Weights (outputs, inputs), biases and norms of the layers by the names that Hugging Face gives them.
    """
    constants = {}

    def put(name: str, values: np.ndarray) -> None:
        constants[name] = encode("fp32", values.astype(np.float32))

    put("one", np.ones(1))
    if precision.cache == "fp4_e2m1":
        constants |= factors_constant(model.head_dim)
    for table, values in zip(("cos", "sin"), rotary_tables(model, capacity), strict=True):
        put(f"rotary.{table}", values)
    for layer in range(model.num_hidden_layers):
        # What scores are multiplied with goes into the queries: into their norm, or else their projection.
        scaled = QUERY_NORM if model.qk_norm else QUERY
        norms = (NORM, SECOND_NORM, *((QUERY_NORM, KEY_NORM) if model.qk_norm else ()))
        for part in norms:
            name = layer_name(layer, part)
            put(f"{name}.weight", tensors[f"{name}.weight"] * (model.head_dim**-0.5 if part == scaled else 1.0))
        for part in (QUERY, KEY, VALUE, OUTPUT, GATE, UP, DOWN):
            name, factor = layer_name(layer, part), model.head_dim**-0.5 if part == scaled else 1.0
            weights = tensors[f"{name}.weight"].T * factor
            constants |= quantise_weights(weights, precision).constants(name)
            if model.qkv_bias and part in (QUERY, KEY, VALUE):
                put(f"{name}.bias", tensors[f"{name}.bias"] * factor)
    return constants
