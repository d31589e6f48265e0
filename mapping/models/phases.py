"""Phases: what goes through a model together, as a graph."""

from tilewright.base.errors import ConfigError
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.precision import Precision

from . import bert, llama
from .config import BertConfig, Transformer, check_context

DECODE, PREFILL, ENCODE = "decode", "prefill", "encode"
"""One token after the others, and a prompt, of a decoder; a row of tokens of an encoder."""
PHASES = (DECODE, PREFILL, ENCODE)
CONTEXTS = {DECODE: 1024, PREFILL: 1024, ENCODE: 64}
"""Number of positions or tokens of each phase, unless another is asked for."""


def phases_of(model: Transformer) -> tuple[str, ...]:
    """Return the phases that a model has; the first one is meant if none is named."""
    return (ENCODE,) if isinstance(model, BertConfig) else (DECODE, PREFILL)


def check_phase(model: Transformer, phase: str) -> None:
    """Refuse a phase that a model does not have.

    Raises
    ------
    ConfigError
        Names the phase and those that are allowed.
    """
    allowed = phases_of(model)
    if phase not in allowed:
        raise ConfigError(f"phase = {phase!r} is not allowed for a {model.model_type} model: {' or '.join(allowed)}")


def asked(model: Transformer, phase: str | None, context: int | None) -> tuple[str, int]:
    """Return a phase and a context that a user asks for, or the model's own where nothing is said.

    Raises
    ------
    ConfigError
        If the model does not have the phase, or has no room for the context.
    """
    if phase is not None and phase not in PHASES:
        raise ConfigError(f"phase = {phase!r} is not allowed: {', '.join(PHASES)}")
    phase = phases_of(model)[0] if phase is None else phase
    check_phase(model, phase)
    context = CONTEXTS[phase] if context is None else context
    check_context(model, context)
    return phase, context


def graph_of(model: Transformer, precision: Precision, *, phase: str, context: int) -> Graph:
    """Return the graph of one decode step at a context, or of so many tokens of a prompt or of an encoder.

    Raises
    ------
    ConfigError
        If the model does not have the phase, or has no room for the context.
    """
    check_phase(model, phase)
    if isinstance(model, BertConfig):
        return bert.layers(model, precision, tokens=context)
    return (llama.decode if phase == DECODE else llama.prefill)(model, context, precision)
