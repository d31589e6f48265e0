"""Encoder layers as in BERT: attention and a GELU network, each followed by a LayerNorm over its sum with its input."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tilewright.mapping.models.bert import (
    ATTENTION,
    DOWN,
    KEY,
    LAST_NORM,
    NORM,
    OUTPUT,
    QUERY,
    UP,
    VALUE,
    layer_name,
)
from tilewright.mapping.models.config import BertConfig
from tilewright.mapping.precision.weights import quantise_weights
from tilewright.sim.graph.precision import Precision, WeightStorage
from tilewright.sim.isa.steps import Matrix, Scalars
from tilewright.sim.isa.vector_command import Function, Inverse, PassOptions, Reduce
from tilewright.sim.machine.vector.values import encode

from .attention import KeysValues, attend
from .e2m1 import factors_constant
from .lowering import MAGNITUDE, PLAIN, Lowered, Lowering, Projected, Quantised, magnitude


def lower_encoder(model: BertConfig, tokens: int, precision: Precision) -> Lowered:
    """Return the steps of all layers on a row of tokens, all of which attend to each other.

    The bias of the attention's output and of the network's goes with the residual: what is stored as a norm's result
    has the bias of the next sum added to it, and the biases of what reads it make up for that (see
    :func:`encoder_constants`).
    """
    lowering = Lowering(precision)
    source = lowering.matrix("input", tokens, model.hidden_size)
    residual = lowering.matrix("input.biased", tokens, model.hidden_size)
    bias = lowering.constant("input.bias", 1, model.hidden_size)
    scale = lowering.run(source, _measure(precision), c=bias, out=residual, to="input.scale")
    for layer in range(model.num_hidden_layers):
        last = layer == model.num_hidden_layers - 1
        residual, scale = _add_layer(lowering, model, layer, residual, scale, last)
    return lowering.finish(source, residual)


def _add_layer(
    lowering: Lowering,
    model: BertConfig,
    layer: int,
    x: Matrix,
    scale: tuple[Scalars, Scalars],
    last: bool,
) -> tuple[Matrix, tuple[Scalars, Scalars]]:
    """Add a layer; return its result and the scales of it."""
    tokens, hidden = x.rows, model.hidden_size

    def name(part: str) -> str:
        return layer_name(layer, part)

    def project(a: Quantised, part: str, columns: int) -> Projected:
        return lowering.project(a, name(part), columns, lowering.constant(f"{name(part)}.bias", 1, columns))

    x8 = _quantised(lowering, x, scale, name(f"{ATTENTION}.factors"))
    mixed = lowering.matrix(name("mixed"), tokens, hidden)
    cache = lowering.precision.cache
    query, key, value = (
        _heads(lowering, model, x8, name(part), "int8" if part == QUERY else cache) for part in (QUERY, KEY, VALUE)
    )
    key_scales, value_scales = (
        _scale_rows(lowering, heads, name(part)) for heads, part in ((key, KEY), (value, VALUE))
    )
    for head in range(model.num_attention_heads):
        weights = KeysValues(key[head].codes, key_scales[head], value[head].codes, value_scales[head])
        out = mixed.part(columns=slice(head * model.head_dim, (head + 1) * model.head_dim))
        attend(lowering, name(f"head.{head}"), query[head], weights, out)
    mixed8 = lowering.quantised_afresh(mixed)
    x, scale = _add_norm(lowering, model, mixed8, name(OUTPUT), x, name(NORM), _measure(lowering.precision))

    x8 = _quantised(lowering, x, scale, name(f"{UP}.factors"))
    up = lowering.matrix(name("up"), tokens, model.intermediate_size)
    lowering.run_scaled(project(x8, UP, model.intermediate_size), out=up)
    gelu = lowering.matrix(name("gelu"), tokens, model.intermediate_size)
    scale = lowering.run(up, replace(MAGNITUDE, function=Function.GELU), out=gelu, to=name("gelu.scale"))
    options = PLAIN if last else _measure(lowering.precision)
    return _add_norm(lowering, model, lowering.quantised(gelu, scale), name(DOWN), x, name(LAST_NORM), options)


def _measure(precision: Precision) -> PassOptions:
    """Return the options of a pass whose result :func:`_quantised` takes."""
    return PLAIN if precision.smooth else MAGNITUDE


def _quantised(lowering: Lowering, x: Matrix, scale: tuple[Scalars, Scalars], factors: str) -> Quantised:
    """Add what makes int8 of the input of projections."""
    if lowering.precision.smooth:
        return lowering.smoothed(x, lowering.constant(factors, 1, x.columns))
    return lowering.quantised(x, scale)


def _heads(lowering: Lowering, model: BertConfig, x8: Quantised, name: str, storage: WeightStorage) -> list[Quantised]:
    """Add a projection; return its heads, as numbers of a storage."""
    bias = lowering.constant(f"{name}.bias", 1, model.hidden_size)
    projected = lowering.project(x8, name, model.hidden_size, bias)
    parts = [slice(head * model.head_dim, (head + 1) * model.head_dim) for head in range(model.num_attention_heads)]
    out = lowering.matrix(name, x8.codes.rows, model.hidden_size)
    options = magnitude(storage)
    codes = lowering.matrix(f"{name}.{storage}", x8.codes.rows, model.hidden_size, storage)
    if lowering.precision.scales == "token":
        scale = lowering.run_scaled(projected, options, out=out, to=f"{name}.scale")
        whole = lowering.quantised(out, scale, out=codes)
        return [whole.part(part) for part in parts]
    heads = []
    for head, part in enumerate(parts):
        values = out.part(columns=part)
        scale = lowering.run_scaled(projected.part(part), options, out=values, to=f"{name}.{head}.scale")
        heads.append(lowering.quantised(values, scale, out=codes.part(columns=part)))
    return heads


def _scale_rows(lowering: Lowering, heads: list[Quantised], name: str) -> list[Matrix]:
    """Add what writes the scales of each head as a row; return the rows."""
    tokens = heads[0].codes.rows
    distinct = 1 if heads[0].scale == heads[-1].scale else len(heads)
    rows = lowering.matrix(f"{name}.scales", distinct, tokens, "fp32")
    for index, head in enumerate(heads[:distinct]):
        lowering.write_scalars(head.scale, Matrix(rows.buffer, tokens, 1, stride=1, offset=index * tokens))
    return [rows.part(rows=slice(index, index + 1)) for index in range(distinct)] * (len(heads) // distinct)


def _add_norm(
    lowering: Lowering,
    model: BertConfig,
    a: Quantised,
    dense: str,
    residual: Matrix,
    norm: str,
    options: PassOptions,
) -> tuple[Matrix, tuple[Scalars, Scalars]]:
    """Add a projection, the residual and the norm of their sum; return the result and what the options make of it."""
    tokens, hidden = residual.rows, residual.columns
    total = lowering.matrix(f"{dense}.sum", tokens, hidden)
    projected = lowering.project(a, dense, hidden, residual)
    mean = PassOptions(reduce=Reduce.SUM, scale=-1 / hidden)
    minus_mean, _ = lowering.run_scaled(projected, mean, out=total, to=f"{norm}.mean")
    variance = PassOptions(
        square=True, reduce=Reduce.SUM, scale=1 / hidden, offset=model.layer_norm_eps, inverse=Inverse.RSQRT
    )
    _, inverse = lowering.run(total, variance, add=minus_mean, to=f"{norm}.variance")
    out = lowering.matrix(norm, tokens, hidden)
    gamma, beta = (lowering.constant(f"{norm}.{part}", 1, hidden) for part in ("weight", "bias"))
    scale = lowering.run(total, options, add=minus_mean, multiply=inverse, b=gamma, c=beta, out=out, to=f"{norm}.scale")
    return out, scale


def encoder_constants(
    model: BertConfig,
    tensors: Mapping[str, np.ndarray],
    precision: Precision,
    factors: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return the contents of the constants of :func:`lower_encoder`.

    Parameters
    ----------
    tensors : mapping
        Weights (outputs, inputs) and biases of the layers by the names that Hugging Face gives them.
    factors : mapping
        With ``precision.smooth``, from :func:`.smoothing.smoothing_factors`.
    """
    constants = {"one": encode("fp32", np.ones(1, np.float32))}
    if precision.cache == "fp4_e2m1":
        constants |= factors_constant(model.hidden_size if precision.scales == "token" else model.head_dim)

    def put(name: str, values: np.ndarray) -> None:
        constants[name] = encode("fp32", values.astype(np.float32))

    def linear(layer: int, part: str, offset: np.ndarray | None = None, factor: float = 1.0, smooth: str = "") -> None:
        """Put weights; take what ``offset`` adds to their inputs off their bias, if they have one of their own."""
        name = layer_name(layer, part)
        weights = tensors[f"{name}.weight"].astype(np.float64).T * factor
        if precision.smooth and smooth and factors is not None and offset is not None:
            columns = factors[layer_name(layer, smooth)]
            put(f"{layer_name(layer, smooth)}.factors", columns)
            weights, offset = weights / columns[:, None], offset * columns
        quantised = quantise_weights(weights, precision)
        constants.update(quantised.constants(name))
        if offset is not None:
            put(f"{name}.bias", tensors[f"{name}.bias"] * factor - offset @ quantised.values)

    def bias(layer: int, part: str) -> np.ndarray:
        return tensors[f"{layer_name(layer, part)}.bias"].astype(np.float64)

    put("input.bias", bias(0, OUTPUT))
    for layer in range(model.num_hidden_layers):
        for part in (QUERY, KEY, VALUE):
            linear(layer, part, bias(layer, OUTPUT), model.head_dim**-0.5 if part == QUERY else 1.0, ATTENTION)
        linear(layer, OUTPUT)
        linear(layer, UP, bias(layer, DOWN), smooth=UP)
        linear(layer, DOWN)
        after = bias(layer + 1, OUTPUT) if layer + 1 < model.num_hidden_layers else np.zeros(model.hidden_size)
        for norm, next_bias in ((NORM, bias(layer, DOWN)), (LAST_NORM, after)):
            name = layer_name(layer, norm)
            put(f"{name}.weight", tensors[f"{name}.weight"])
            put(f"{name}.bias", tensors[f"{name}.bias"] + next_bias)
    return constants
