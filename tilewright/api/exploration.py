"""Explores spaces of designs, and answers what a system needs."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tilewright.api.systems import system_of, transformer_of
from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.explore import ExplorationProgress
from tilewright.mapping.explore.explore import explore as explore_space
from tilewright.mapping.explore.require import Requirement
from tilewright.mapping.explore.require import require as require_of
from tilewright.mapping.explore.result import Exploration
from tilewright.mapping.explore.space import ModelRun
from tilewright.mapping.explore.space_file import load_space
from tilewright.mapping.explore.suggest import Suggestions
from tilewright.mapping.explore.suggest import suggest as suggest_for
from tilewright.mapping.models.config import Transformer
from tilewright.mapping.models.phases import asked
from tilewright.sim.config import System

Model = str | Path | Transformer


def explore(
    models: Model | Sequence[Model],
    space: str | Path | Mapping[str, object],
    *,
    phase: str | None = None,
    context: int | None = None,
    study: str | Path | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    seed: int = 0,
    watch: Callable[[ExplorationProgress], None] | None = None,
) -> Exploration:
    """Return the Pareto front of a space of designs, each of which the exact model has run, as ``tilewright explore``.

    Parameters
    ----------
    models : str, Path, DecoderConfig, BertConfig or a sequence of them
        Models as in :func:`map`; empty if the space names them.
    space : str, Path or mapping
        TOML file of the space, or a mapping of the same form; docs/explore.md has the keys.
    phase, context
        Phase and context of each model, as in :func:`map`.
    study : str or Path, optional
        File in which all that is finished is kept: an exploration that was ended goes on from there.
    workers : int
        Number of processes that run the exact model.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster that runs the exact model instead.
    seed : int
        Seed of NSGA-II, which searches spaces of more than ten million legal designs.
    watch : callable, optional
        Function that is told how far the exploration is.

    Raises
    ------
    ConfigError
        If an argument, the space or the study cannot be used, or no design is within the constraints.
    """
    _check_workers(workers)
    given = [models] if isinstance(models, Model) else models
    runs = [_run(model, phase, context) for model in given]
    described = load_space(space if isinstance(space, Mapping) else Path(space), runs)
    return explore_space(
        described,
        study=None if study is None else Path(study),
        workers=workers,
        scheduler=scheduler,
        seed=seed,
        watch=watch,
    )


def require(
    model: Model,
    system: str | Path | System = "edge-int4",
    *,
    tokens_per_s: float,
    joules_per_token: float | None = None,
    phase: str | None = None,
    context: int | None = None,
) -> Requirement:
    """Return the smallest change of a system with which a model reaches a rate, as ``tilewright require`` does.

    Parameters
    ----------
    model, system, phase, context
        As in :func:`map`.
    tokens_per_s : float
        Number of tokens that must go through the model in a second.
    joules_per_token : float, optional
        Energy that a token may take, by the middle figures.

    Raises
    ------
    ConfigError
        If an argument is not allowed, or no description reaches the target: names its bound.
    """
    for name, value in (("tokens_per_s", tokens_per_s), ("joules_per_token", joules_per_token)):
        if value is not None and not (0 < value < math.inf):
            raise ConfigError(f"{name} = {value:g} is not allowed: it must be a number above 0")
    run = _run(model, phase, context)
    return require_of(run, system_of(system), tokens_per_s=tokens_per_s, joules_per_token=joules_per_token)


def suggest(
    system: str | Path | System,
    model: Model = "llama-3.2-1b",
    *,
    phase: str | None = None,
    context: int | None = None,
    workers: int = 1,
) -> Suggestions:
    """Return the three changes of a system that give most for what they add, as ``tilewright suggest`` does.

    Parameters
    ----------
    system, model, phase, context
        As in :func:`map`.
    workers : int
        Number of processes that run the exact model.

    Raises
    ------
    ConfigError
        If an argument is not allowed, or the system cannot run the model.
    """
    _check_workers(workers)
    return suggest_for(_run(model, phase, context), system_of(system), workers=workers)


def _check_workers(workers: int) -> None:
    if workers < 1:
        raise ConfigError(f"workers = {workers} is not allowed: it must be 1 or more")


def _run(model: Model, phase: str | None, context: int | None) -> ModelRun:
    chosen = transformer_of(model)
    name = str(model) if isinstance(model, str | Path) else chosen.model_type
    return ModelRun(name, chosen, *asked(chosen, phase, context))
