"""Placement of products on the CIM array or on the NPE, by rules."""

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from tilewright.base.errors import ConfigError
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.formats.simd import Mode

from .graph import Graph
from .operator import Engine, Kind, Operator

PRODUCTS = (Kind.MATMUL, Kind.SCORES, Kind.WEIGHTED_SUM)
"""Kinds of operators that rules place."""
WIDER = {Mode.FP4_E2M1: Mode.FP8_E4M3, Mode.POSIT4_1: Mode.POSIT8_0, Mode.INT4: Mode.INT8}
"""Format of a cache in place of a format of 4 bits, in which two positions would share a byte."""


def with_engines(config: AcceleratorConfig, graph: Graph, rules: Iterable[EngineRule] = ()) -> Graph:
    """Return a graph whose products have the engines and formats of rules; of several rules the last one counts.

    Other products run on the CIM array, or on the NPE if there is no array.

    Raises
    ------
    ConfigError
        If the accelerator lacks an engine or a format.
    """
    chosen = tuple(rules)
    changed: dict[str, Operator] = {}
    products = [operator for operator in graph if operator.kind in PRODUCTS]
    default = EngineRule("*", "npe" if config.cim is None else "cim")
    for operator in products:
        rule = next((rule for rule in reversed(chosen) if matches(rule, operator)), default)
        if rule.engine == "cim":
            if config.cim is None:
                raise ConfigError(f"engine = {str(rule)!r} is not allowed: the system has no CIM array")
            continue
        storage = _storage(config, rule, operator)
        precision = replace(operator.precision, weights=storage, cache=storage, column_scale=stored.FP32, group=0)
        changed[operator.name] = replace(operator, engine=Engine.NPE, precision=precision)
        if operator.kind is not Kind.MATMUL:
            cached = graph[operator.inputs[1]]
            changed[cached.name] = replace(cached, precision=replace(cached.precision, cache=storage))
    return Graph(tuple(changed.get(operator.name, operator) for operator in graph)) if changed else graph


def matches(rule: EngineRule, operator: Operator) -> bool:
    """Return whether a rule is about an operator."""
    names = (operator.row, operator.name)
    return any(fnmatchcase(name, pattern) for name in names for pattern in (rule.pattern, f"*.{rule.pattern}"))


def check_rules(graph: Graph, rules: Iterable[EngineRule]) -> None:
    """Refuse rules that match no product of a model.

    Raises
    ------
    ConfigError
        Names the rule and the products.
    """
    products = [operator for operator in graph if operator.kind in PRODUCTS]
    for rule in rules:
        if not any(matches(rule, each) for each in products):
            names = sorted({_short(each) for each in products})
            raise ConfigError(
                f"engine = {str(rule)!r} is not allowed: it matches none of the products {', '.join(names)}"
            )


def _storage(config: AcceleratorConfig, rule: EngineRule, operator: Operator) -> StoredFormat:
    """Return the format of a product on the NPE.

    Raises
    ------
    ConfigError
        If there is no NPE, or it lacks the format or BF16, in which jobs leave results.
    """
    npe = config.npe
    if npe is None:
        raise ConfigError(f"engine = {str(rule)!r} is not allowed: the system has no NPE")
    mode = rule.mode if rule.mode is not None else Mode.INT8 if Mode.INT8 in npe.modes else npe.modes[0]
    if operator.capacity:
        mode = WIDER.get(mode, mode)
    for needed, purpose in ((mode, str(rule)), (Mode.BF16, "results of products")):
        if needed not in npe.modes:
            names = ", ".join(each.label for each in npe.modes)
            raise ConfigError(f"npe.modes = {names} is not allowed: {purpose} needs {needed.label} for {operator.name}")
    return stored.NPE_OPERANDS[mode]


def _short(operator: Operator) -> str:
    """Return the name of an operator without its layer."""
    return operator.name.partition(f".{operator.layer}.")[2] or operator.name
