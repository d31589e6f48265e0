"""Reads the description of a space, a TOML file or a mapping of the same form; docs/explore.md has an example."""

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from tilewright.base.errors import ConfigError, first_problem
from tilewright.base.reading import Parsed, read_toml
from tilewright.base.text import shown
from tilewright.mapping.explore.expression import Expression
from tilewright.mapping.explore.objectives import OBJECTIVES, Limit, check_objective
from tilewright.mapping.explore.space import MOST_DESIGNS, ModelRun, SearchOptions, Space, base_value
from tilewright.mapping.models.load import load_transformer
from tilewright.mapping.models.phases import asked
from tilewright.sim.config import System, load_system
from tilewright.sim.config.base import Frozen
from tilewright.sim.config.change import unknown_field
from tilewright.sim.config.problems import field_problem, model_at

MOST_VALUES = 100_000
"""Number of values of a field."""
DEFAULT_OBJECTIVES = {"latency_s": 1.0, "energy_j": 1.0}
RANGE = "a list of values, { from, to, step }, { from, to, powers_of } or a formula"

Positive = Annotated[float, Field(gt=0, le=1e9)]


class _Run(Frozen):
    """A run of a model in the file of a space."""

    model: str
    phase: Literal["decode", "prefill", "encode"] | None = None
    context: Annotated[int, Field(ge=1, le=1 << 24)] | None = None
    weight: Positive = 1.0


class _Limit(Frozen):
    """A constraint in the file of a space."""

    at_most: Positive | None = None
    at_least: Positive | None = None


class _Search(Frozen):
    """Options of the search in the file of a space."""

    method: Literal["exhaustive", "nsga2", "bounds"] | None = None
    epsilon: Annotated[float, Field(gt=0, le=1)] | None = None
    exact_limit: Annotated[int, Field(ge=1, le=10_000_000)] = SearchOptions.exact_limit
    population: Annotated[int, Field(ge=4, le=100_000)] = SearchOptions.population
    generations: Annotated[int, Field(ge=1, le=100_000)] = SearchOptions.generations


class _SpaceFile(Frozen):
    """The file of a space."""

    base: str
    fields: Annotated[dict[str, Any], Field(min_length=1)]
    models: list[_Run] = []
    objectives: Annotated[dict[str, Positive], Field(min_length=1)] = DEFAULT_OBJECTIVES
    constraints: dict[str, _Limit] = {}
    search: _Search = _Search()


class _Range(Frozen):
    """A range of values in the file of a space."""

    first: Annotated[int | float, Field(alias="from")]
    last: Annotated[int | float, Field(alias="to")]
    step: Annotated[int | float, Field(gt=0)] | None = None
    powers_of: Annotated[int, Field(ge=2)] | None = None


def load_space(space: Path | Mapping[str, object], runs: Iterable[ModelRun] = ()) -> Space:
    """Return the space that a file, or a mapping of the same form, describes.

    Parameters
    ----------
    space : Path or mapping
        TOML file, or its content; files that it names lie beside it.
    runs : iterable of ModelRun
        Runs for which designs are compared, if the description has no ``models``.

    Raises
    ------
    ConfigError
        If the description is not valid; names the file, the line, the field, the value and what is allowed.
    """
    parsed = read_toml(space) if isinstance(space, Path) else Parsed(Path("space"), dict(space), lambda keys: None)
    folder = parsed.path.parent
    try:
        read = _SpaceFile.model_validate(parsed.value)
    except ValidationError as error:
        keys, problem = field_problem(*first_problem(error), _SpaceFile)
        raise ConfigError(f"{parsed.where(keys)}: {problem}") from error
    try:
        base = load_system(folder / read.base if read.base.endswith(".toml") else read.base)
    except ConfigError as error:
        raise ConfigError(f"{parsed.where(('base',))}: base = {read.base!r}: {error}") from error
    for table in ("objectives", "constraints"):
        for name in getattr(read, table):
            _in_words(parsed, (table, name), check_objective, name)
            if OBJECTIVES[name].area and base.process is None and "process" not in read.fields:
                raise ConfigError(
                    f"{parsed.where((table, name))}: {table}.{name} is not allowed: '{read.base}' names no process, so "
                    "that areas are not known: fields.process = [...] names one"
                )
    for name, limit in read.constraints.items():
        if limit.at_most is None and limit.at_least is None:
            raise ConfigError(
                f"{parsed.where(('constraints', name))}: constraints.{name} is empty: it must have at_most or at_least"
            )
    choices, formulas = _fields(parsed, read.fields)
    described = [_run(parsed, index, run) for index, run in enumerate(read.models)]
    return Space(
        base=base,
        choices=choices,
        dependent=_ordered(parsed, base, choices, formulas),
        runs=_only(parsed, described, list(runs)),
        objectives=read.objectives,
        constraints={name: Limit(limit.at_most, limit.at_least) for name, limit in read.constraints.items()},
        search=SearchOptions(**dict(read.search)),
    )


def _in_words(parsed: Parsed, keys: tuple[str | int, ...], check: Any, *arguments: object) -> Any:
    """Return what a function returns; its errors get the place in the file."""
    try:
        return check(*arguments)
    except ConfigError as error:
        raise ConfigError(f"{parsed.where(keys)}: {'.'.join(map(str, keys))}: {error}") from error


def _only(parsed: Parsed, described: list[ModelRun], given: list[ModelRun]) -> tuple[ModelRun, ...]:
    """Return the runs of a space, which are given in one way."""
    if described and given:
        raise ConfigError(
            f"{parsed.where(('models',))}: models = {described[0].name}, ... is not allowed: "
            f"{given[0].name} is given beside the space; models are given in one way"
        )
    if not described and not given:
        raise ConfigError(f"{parsed.path}: no model: name one after the command, or in [[models]] of the space")
    return tuple(described or given)


def _run(parsed: Parsed, index: int, run: _Run) -> ModelRun:
    def checked() -> ModelRun:
        # What looks like a path is one, beside the file; anything else is a shipped name.
        is_path = "/" in run.model or run.model.endswith(".json")
        model = load_transformer(parsed.path.parent / run.model if is_path else run.model)
        return ModelRun(run.model, model, *asked(model, run.phase, run.context), run.weight)

    found: ModelRun = _in_words(parsed, ("models", index), checked)
    return found


def _fields(parsed: Parsed, fields: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Expression]]:
    """Return the values of the fields that are free, and the formulas of the others."""
    choices: dict[str, np.ndarray] = {}
    formulas: dict[str, Expression] = {}
    for path, keys, value in _flat(fields, ("fields",)):
        where = parsed.where(keys)
        if problem := unknown_field(System, tuple(path.split("."))):
            raise ConfigError(f"{where}: {problem}")
        if model_at(System, path.split(".")):
            raise ConfigError(f"{where}: {path} is not allowed: it is a part, and must be one of its fields")
        if path in choices or path in formulas:
            raise ConfigError(f"{where}: {path} is there twice: each field is allowed once")
        if isinstance(value, str):
            try:
                formulas[path] = Expression.of(value)
            except ValueError as error:
                raise ConfigError(f"{where}: {path} = {shown(value)} is not allowed: {error}") from None
        else:
            choices[path] = _values(where, path, value)
    size = math.prod(map(len, choices.values()))
    if size > MOST_DESIGNS:
        raise ConfigError(f"{parsed.where(('fields',))}: fields have {size:.3g} combinations: at most 2^62 are allowed")
    if not choices:
        raise ConfigError(f"{parsed.where(('fields',))}: fields has formulas alone: one must have values")
    return choices, formulas


def _flat(fields: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Yield path, keys in the file and value of each field; a table of a part stands for its fields."""
    for key, value in fields.items():
        path = ".".join([*keys[1:], key])
        if isinstance(value, Mapping) and model_at(System, path.split(".")):
            yield from _flat(value, (*keys, key))
        else:
            yield path, (*keys, key), value


def _values(where: str, path: str, value: Any) -> np.ndarray:
    """Return the values of a field, each of which the field alone allows."""
    if isinstance(value, Mapping):
        listed = _range(where, path, value)
    elif isinstance(value, list | tuple):
        listed = list(value)
    else:
        raise ConfigError(f"{where}: {path} = {shown(value)} is not allowed: it must be {RANGE}")
    if not listed:
        raise ConfigError(f"{where}: {path} = [] is not allowed: it must have a value")
    if len(listed) > MOST_VALUES:
        raise ConfigError(f"{where}: {path} has {len(listed):,} values: at most {MOST_VALUES:,} are allowed")
    parent = model_at(System, path.split(".")[:-1])
    assert parent is not None
    info = parent.model_fields[path.rpartition(".")[2]]
    kind: Any = info.annotation
    allowed: TypeAdapter[Any] = TypeAdapter(Annotated[kind, *info.metadata] if info.metadata else kind)
    for each in listed:
        try:
            if isinstance(each, bool) or not isinstance(each, int | float | str):
                raise ConfigError(f"{where}: {path} = {shown(each)} is not allowed: it must be a number or a text")
            allowed.validate_python(each)
        except ValidationError as error:
            raise ConfigError(f"{where}: {path} = {first_problem(error)[1]}") from error
    if len({type(each) is str for each in listed}) > 1:
        raise ConfigError(f"{where}: {path} has numbers and texts: it must have values of one kind")
    if len(set(listed)) < len(listed):
        twice = next(each for index, each in enumerate(listed) if each in listed[:index])
        raise ConfigError(f"{where}: {path} = {shown(twice)} is there twice: each value is allowed once")
    return np.array(listed)


def _range(where: str, path: str, value: Mapping[str, Any]) -> list[int | float]:
    """Return the numbers of a range, the last one included."""
    try:
        read = _Range.model_validate(value)
    except ValidationError as error:
        _, problem = field_problem(*first_problem(error), _Range)
        raise ConfigError(f"{where}: {path}: {problem}: it must be {RANGE}") from error
    if (read.step is None) == (read.powers_of is None):
        raise ConfigError(f"{where}: {path}: a range must have step or powers_of, and not both")
    if read.last < read.first:
        raise ConfigError(f"{where}: {path}: to = {read.last} is not allowed: the range from {read.first} is empty")
    if read.powers_of is not None:
        return _powers(where, path, read)
    assert read.step is not None
    # Steps of decimal fractions add up as they are written: 0.1, 0.2, 0.3.
    first, last, step = (Decimal(str(each)) for each in (read.first, read.last, read.step))
    count = int((last - first) // step) + 1
    if count > MOST_VALUES:
        raise ConfigError(f"{where}: {path} has {count:,} values: at most {MOST_VALUES:,} are allowed")
    whole = isinstance(read.first, int) and isinstance(read.step, int)
    numbers = (first + index * step for index in range(count))
    return [int(each) if whole else float(each) for each in numbers]


def _powers(where: str, path: str, read: _Range) -> list[int | float]:
    """Return the powers of a whole number in a range."""
    assert read.powers_of is not None
    found: list[int | float] = []
    power = 1
    while power <= read.last:
        if power >= read.first:
            found.append(power)
        power *= read.powers_of
    if not found:
        raise ConfigError(f"{where}: {path}: no power of {read.powers_of} lies from {read.first} to {read.last}")
    return found


def _ordered(
    parsed: Parsed, base: System, choices: Mapping[str, np.ndarray], formulas: Mapping[str, Expression]
) -> dict[str, Expression]:
    """Return the formulas, each after those that it reads; refuse one that reads no number, or itself."""
    for path, formula in formulas.items():
        where = f"{parsed.where(('fields', path))}: {path} = '{formula.text}' is not allowed"
        for name in formula.names:
            if problem := unknown_field(System, tuple(name.split("."))):
                raise ConfigError(f"{where}: {problem}")
            value = choices[name] if name in choices else base_value(base, name)
            if name not in formulas and not np.issubdtype(np.asarray(value).dtype, np.integer):
                raise ConfigError(f"{where}: '{name}' is no whole number")
    try:
        order = TopologicalSorter({path: formula.names for path, formula in formulas.items()}).static_order()
        return {path: formulas[path] for path in order if path in formulas}
    except CycleError as error:
        around = " -> ".join(error.args[1])
        raise ConfigError(
            f"{parsed.where(('fields', error.args[1][0]))}: formulas depend on themselves: {around}"
        ) from None
