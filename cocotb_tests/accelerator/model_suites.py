"""Co-simulation of a user's model on a user's system: one layer of it, or the whole decoder."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.bench.program_cases import Case
from tilewright.cocotb_tests.accelerator.layer_cases import layer_case, minilm_layer_case
from tilewright.cocotb_tests.accelerator.program_suite import check_timing, timing_of
from tilewright.cocotb_tests.accelerator.suite import LAYER_BYTES, AcceleratorSuite, optimisation_for
from tilewright.cocotb_tests.accelerator.whole_decoder_cases import whole_decoder_case
from tilewright.mapping.compile.chunks import chunk_size
from tilewright.mapping.models import llama, minilm
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.embeddings import embedded
from tilewright.mapping.models.load import load_model, model_names, shipped_folder
from tilewright.mapping.models.minilm import NAME as MINILM
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.models.reference import FloatDecoder, Tensors
from tilewright.mapping.models.seeded import seeded_model
from tilewright.mapping.precision.calibration import Calibrated
from tilewright.mapping.precision.equalisation import precision_of
from tilewright.mapping.precision.plans.encoder_network import EncoderNetwork
from tilewright.mapping.precision.plans.planned import planned, planned_network
from tilewright.sim.config import System
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.graph.graph import Graph

SEED = 7
AFTER = 1
"""Number of single tokens after a prompt."""
ANY = -1.0
"""Least cosine to float64 of a model that is not ours: how near it comes is shown, and is no failure."""
LARGEST_BYTES = 1 << 28
"""Largest memory of a bench."""


def layer_suite(model: str, system: System, *, layer: int, tokens: int, plan: Path | None = None) -> AcceleratorSuite:
    """Return the suite of a layer of a model: a prompt, then a single token; of MiniLM a sentence.

    A model without weights gets seeded ones. The input of the layer is what the layers before it make of random tokens,
    in float64; of a model without weights, it is random. With a plan, its rounded weights take the place of the
    model's.

    Raises
    ------
    ConfigError
        If there is no such model or layer, the accelerator cannot run it, memory of the bench is too small, or the plan
        is for another model or array.
    """
    if model == MINILM:
        if not 0 <= layer < minilm.CONFIG.num_hidden_layers:
            raise ConfigError(
                f"layer = {layer} is not allowed: 0 to {minilm.CONFIG.num_hidden_layers - 1}, the layers of {model}"
            )
        return _suite(system, partial(encoder_cases, system=system, layer=layer, tokens=tokens, plan=plan), model)
    found = load_model(model)
    if not 0 <= layer < found.num_hidden_layers:
        raise ConfigError(f"layer = {layer} is not allowed: 0 to {found.num_hidden_layers - 1}, the layers of {model}")
    _check_tokens(found, tokens)
    made = partial(layer_cases, model=model, system=system, layer=layer, tokens=tokens, plan=plan)
    return _suite(system, made, model)


def decoder_suite(model: str, system: System, *, tokens: int, plan: Path | None = None) -> AcceleratorSuite:
    """Return the suite of a whole decoder: a prompt of random tokens in chunks, then a single token.

    Raises
    ------
    ConfigError
        If there is no such model, the accelerator cannot run it, memory of the bench is too small, or the plan is for
        another model or array.
    """
    _check_tokens(load_model(model), tokens)
    return _suite(system, partial(decoder_cases, model=model, system=system, tokens=tokens, plan=plan), model)


def encoder_cases(
    config: AcceleratorConfig, *, system: System, layer: int, tokens: int, plan: Path | None
) -> tuple[Case]:
    """Return the case of :func:`layer_suite` for MiniLM."""
    network = EncoderNetwork.minilm()
    tensors = network.tensors if plan is None else planned_network(plan, network, system)
    return (minilm_layer_case(config, tensors, layer=layer, tokens=tokens, timing=timing_of(system)),)


def layer_cases(
    config: AcceleratorConfig, *, model: str, system: System, layer: int, tokens: int, plan: Path | None = None
) -> tuple[Case]:
    """Return the case of :func:`layer_suite`."""
    count = tokens + AFTER
    rng = np.random.default_rng(SEED)
    tensors = _weights(config, model, system, plan)
    found = load_model(model)
    if tensors is None:
        single = seeded_model(found.replace(num_hidden_layers=1, layer_types=None, no_rope_layers=None), seed=SEED)
        own = llama.layer_name(0)
        tensors = {llama.layer_name(layer) + name.removeprefix(own): each for name, each in single.items()}
        x = rng.standard_normal((count, found.hidden_size))
    else:
        decoder = FloatDecoder(found, tensors, context=count)
        text = rng.integers(found.vocab_size, size=count).tolist()
        decoder.logits(text)
        x = decoder.layer_outputs[layer - 1] if layer else embedded(found, tensors, text)
    case = layer_case(
        config, found, tensors, x, layer=layer, prompt=tokens, least=ANY, timing=timing_of(system),
        name=f"layer {layer}",
    )  # fmt: skip
    return (case,)


def decoder_cases(
    config: AcceleratorConfig, *, model: str, system: System, tokens: int, plan: Path | None = None
) -> tuple[Case]:
    """Return the case of :func:`decoder_suite`."""
    found = load_model(model)
    tensors = _weights(config, model, system, plan)
    precision = precision_of(config, found, tensors or {})

    def graph(position: int, size: int) -> Graph:
        return llama.tokens_graph(found, precision, tokens=size, position=position, capacity=tokens + AFTER)

    size, _ = chunk_size(config, graph, tokens)
    chunks = tuple(min(size, tokens - begin) for begin in range(0, tokens, size))
    case = whole_decoder_case(
        config, found, prompt=chunks, tokens=AFTER, timing=timing_of(system), tensors=tensors, least=ANY
    )  # fmt: skip
    return (case,)


def _weights(config: AcceleratorConfig, model: str, system: System, plan: Path | None) -> Tensors | None:
    """Return the tensors of a model, equalised on typical texts, or with the weights of a plan; None if there is a
    description alone."""
    if (model in model_names() and shipped_folder(model) is None) or Path(model).suffix == ".json":
        if plan:
            raise ConfigError(f"{plan}: a plan is not allowed for {model}, which has no weights")
        return None
    checkpoint = read_model(model)
    if plan:
        checkpoint = replace(checkpoint, tensors=planned(plan, checkpoint, system))
    return Calibrated(checkpoint, config)


def _check_tokens(model: DecoderConfig, tokens: int) -> None:
    if not 1 <= tokens <= model.positions - AFTER:
        raise ConfigError(f"tokens = {tokens} is not allowed: 1 to {model.positions - AFTER}, the model's positions")


def _suite(system: System, make_cases: "partial[tuple[Case]]", model: str) -> AcceleratorSuite:
    config = system.accelerator
    check_timing(config, timing_of(system))
    [case] = make_cases(config)
    size = max(LAYER_BYTES, 1 << (len(case.memory) - 1).bit_length())
    if size > LARGEST_BYTES:
        raise ConfigError(
            f"{model}: takes {len(case.memory):,} bytes of main memory: memory of the bench has {LARGEST_BYTES:,}"
        )
    return AcceleratorSuite(
        config=config,
        make_cases=make_cases,
        memory_bytes=size,
        label=Path(model).name,
        optimisation=optimisation_for(config),
    )
