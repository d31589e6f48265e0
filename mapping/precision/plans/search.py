"""Searches plans for a model: the whole flow from weights and texts to plans and baselines, measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tilewright.base.cache import content_hash, remember
from tilewright.base.errors import ConfigError
from tilewright.sim.formats import BF16

from .activations import RoundedInputs, key_offsets, parse_activations
from .assignment import Assignment, Choice, assign, random_assignment
from .network import Network, Outputs, Product
from .plan_file import Plan, identity_of
from .rounded import RoundedMatrices, Sensitivity, errors_of
from .rounding import METHODS, Method, round_weights
from .storage import WeightStorage, parse_storage
from .texts import Texts, Tokens

FORMATS = "int2,int3,int4,int5,int6,int8,fp4_e2m1,mxfp4,posit4_1,posit5_1,posit6_1,posit8_0,fp8_e4m3,bf16"
"""Formats that are tried unless others are asked for."""
BASELINES = "int4/32,int5/32,int8/32"
"""Storages of baselines in which all matrices have one, besides those that are asked for."""
PROBE = parse_storage("int4/32")[0]
"""Storage with which the sensitivity of a matrix is measured."""
EXPONENTS = (1.0, 0.75)
"""Exponents of losses with which candidates are assigned: below 1 they spread the bits more evenly."""
SOURCES = (
    "activations",
    "classifier_network",
    "decoder_network",
    "encoder_network",
    "network",
    "rounded",
    "rounding",
    "storage",
)
"""Modules beside this one on which measures depend."""
SEED = 1
"""Seed of random assignments."""
HALVINGS = 10
"""Number of assignments that are tried for a budget of cycles or energy."""

Kind = Literal["plan", "uniform", "random", "by layer"]
Done = Callable[[str], None]
"""Function that is called with the name of each part that is done."""


@dataclass(frozen=True)
class Cost:
    """Cycles, energy and bytes of a model with an assignment, on the exact model of a system."""

    cycles: int
    energy_j: float
    memory_bytes: int
    """Number of bytes moved in main memory."""
    exact: bool
    """Whether the array has the storages of all matrices; those that it lacks count in the format of its macros."""

    def to_dict(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {
            "cycles": self.cycles,
            "energy_j": self.energy_j,
            "memory_bytes": self.memory_bytes,
            "on_the_array": self.exact,
        }


CostOf = Callable[[Assignment], Cost]
"""Function that returns the cost of an assignment."""


@dataclass(frozen=True)
class Limit:
    """A budget of cycles or energy."""

    quantity: Literal["cycles", "energy_j"]
    most: float

    @property
    def name(self) -> str:
        """Budget in words."""
        return f"{self.most:,.0f} cycles" if self.quantity == "cycles" else f"{self.most:g} J"

    def met_by(self, cost: Cost) -> bool:
        """Return whether a cost is within the budget."""
        return float(getattr(cost, self.quantity)) <= self.most


@dataclass(frozen=True)
class Measured:
    """An assignment, and what was measured with it."""

    name: str
    kind: Kind
    assignment: Assignment
    bits_per_weight: float
    """Bits of a weight, scales included."""
    bytes: float
    """Bytes of all matrices, scales included, without embeddings."""
    selection_loss: float
    """Loss on the selection text."""
    loss: Mapping[str, float]
    """Measures on the test text."""
    cost: Cost | None = None
    """Cost on a system, if one was named."""

    def to_dict(self) -> dict[str, Any]:
        """Return name and figures, without the assignment."""
        return {
            **(self.cost.to_dict() if self.cost else {}),
            "name": self.name,
            "kind": self.kind,
            "bits_per_weight": self.bits_per_weight,
            "bytes": self.bytes,
            "selection_loss": self.selection_loss,
            "loss": dict(self.loss),
        }


@dataclass(frozen=True)
class Sensed:
    """Sensitivity of a model to one of its matrices."""

    product: Product
    loss: float
    """Loss on the selection text with this matrix alone rounded to :data:`PROBE`."""

    def to_dict(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {
            "name": self.product.name,
            "weights": self.product.weights,
            "loss": self.loss,
            "loss_per_million_weights": 1e6 * self.loss / self.product.weights,
        }


@dataclass(frozen=True)
class PrecisionResult:
    """Sensitivities, plans and baselines of a model: :func:`tilewright.precision` makes it."""

    model: str
    identity: str
    method: Method
    activations: str | None
    """Format of activations; None for float64."""
    cache: str | None
    """Format of keys and values; None for that of activations."""
    weights: int
    """Number of weights of all matrices."""
    embedding_bytes: int
    """Bytes of embeddings in BF16, which belong to no matrix and no budget."""
    sensitivities: tuple[Sensed, ...]
    plans: tuple[Measured, ...]
    """A plan for each budget."""
    baselines: tuple[Measured, ...]
    gains: Mapping[str, Measured]
    """All matrices in :data:`PROBE` by way of rounding."""
    rounded: Callable[[Assignment], dict[str, np.ndarray]] = field(repr=False, compare=False)
    """Function that returns the tensors with an assignment's matrices rounded."""

    def plan(self, index: int = 0) -> Plan:
        """Return one of the plans, for a file."""
        found = self.plans[index]
        figures = {key: value for key, value in found.to_dict().items() if key not in ("name", "kind")}
        figures["method"] = self.method
        return Plan(self.model, self.identity, found.assignment, self.activations, figures, self.cache)

    def write_plan(self, path: Path, index: int = 0) -> list[Path]:
        """Write one of the plans, and its rounded weights beside it; return the paths."""
        tensors = self.rounded(self.plans[index].assignment)
        weights = {each.product.name: tensors[each.product.tensor] for each in self.sensitivities}
        return self.plan(index).write(path, weights)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as ``--json`` prints it; the figures of the first plan are also at the top."""
        return {
            "model": self.model,
            "identity": self.identity,
            "method": self.method,
            "activations": self.activations,
            "cache": self.cache,
            "weights": self.weights,
            "embedding_bytes": self.embedding_bytes,
            **{key: value for key, value in self.plans[0].to_dict().items() if key not in ("name", "kind")},
            "plan": {name: storage.name for name, storage in self.plans[0].assignment.items()},
            "plans": [
                {**each.to_dict(), "plan": {name: storage.name for name, storage in each.assignment.items()}}
                for each in self.plans
            ],
            "baselines": [each.to_dict() for each in self.baselines],
            "gains": {method: each.to_dict() for method, each in self.gains.items()},
            "sensitivities": [each.to_dict() for each in self.sensitivities],
        }


def search(
    network: Network,
    texts: Texts,
    storages: Sequence[WeightStorage],
    budgets: Sequence[float],
    *,
    method: Method = "compensated",
    activations: str | None = None,
    cache: str | None = None,
    uniform: Sequence[WeightStorage] = (),
    baselines: bool = True,
    cost_of: CostOf | None = None,
    limit: Limit | None = None,
    done: Done = lambda _: None,
) -> PrecisionResult:
    """Search a plan for each budget, and measure it beside baselines.

    Everything that takes long is kept in the cache, matrix by matrix and assignment by assignment.

    Parameters
    ----------
    storages : sequence of WeightStorage
        Storages that a matrix may have.
    budgets : sequence of float
        Bits a weight, scales included.
    activations : str, optional
        Format of activations; float64 without it.
    cache : str, optional
        Format of keys and values, from whose keys their means are taken first; that of activations without it.
    uniform : sequence of WeightStorage
        Storages of more baselines in which all matrices have one.
    baselines : bool
        Whether baselines and the gains of each way of rounding are measured.
    cost_of : callable, optional
        Cost of an assignment on a system; plans and baselines then have one.
    limit : Limit, optional
        Budget of cycles or energy, for one plan more; it needs ``cost_of``.
    done : callable
        Gets the name of each part that is done; there are :func:`parts` of them.

    Raises
    ------
    ConfigError
        If a budget cannot be met.
    """
    # Activations may be rounded, too: columns of their inputs are evened out before.
    identity = identity_of(network)
    network, on_input = _with_activations(network, texts, activations, cache)
    measure = _Measuring(
        network, texts, method, on_input, [identity, texts.digest, str(activations), str(cache)], cost_of
    )

    # Budgets that cannot be met are refused before anything takes long.
    for budget in budgets:
        _check_budget(network, storages, budget)
    if limit and cost_of:
        _check_limit(network, storages, limit, cost_of)

    # How much each matrix alone costs in one storage, and how the others compare with it.
    sensed, choices = {}, {}
    for product in network.products:
        sensed[product.name], choices[product.name] = measure.sensitivity(product, _useful(product, storages))
        done(product.name)

    # Assignments for each budget, of which the selection text chooses one.
    plans: list[Measured] = []
    for budget in budgets:
        candidates = [assign(each, budget * measure.weights) for each in _weighted(choices)]
        candidates += _uniform_within(network, choices, budget * measure.weights)
        distinct = {_key(each): each for each in candidates}.values()
        plans.append(measure.assignment(f"plan, {budget:g} bits", "plan", min(distinct, key=measure.selection_loss)))
        done(f"plan of {budget:g} bits")
    if limit and cost_of:
        chosen = _within(choices, limit, cost_of)
        plans.append(measure.assignment(f"plan, {limit.name}", "plan", chosen))
        done(f"plan of {limit.name}")

    # The plans beside assignments without a search.
    others: list[Measured] = []
    gains: dict[str, Measured] = {}
    if baselines:
        for storage in dict.fromkeys((*parse_all(BASELINES), *uniform)):
            everywhere = {product.name: storage for product in network.products}
            others.append(measure.assignment(storage.name, "uniform", everywhere))
            done(storage.name)
        for budget in budgets or (plans[0].bits_per_weight,):
            bits = budget * measure.weights
            drawn = random_assignment(choices, bits, SEED)
            others.append(measure.assignment(f"random, {budget:g} bits", "random", drawn))
            by_layer = _assigned_by_layer(network, choices, bits)
            others.append(measure.assignment(f"by layer, {budget:g} bits", "by layer", by_layer))
            done(f"baselines of {budget:g} bits")
        everywhere = {product.name: PROBE for product in network.products}
        for each in METHODS:
            gains[each] = measure.assignment(PROBE.name, "uniform", everywhere, each)
            done(each)

    return PrecisionResult(
        model=network.name,
        identity=identity,
        method=method,
        activations=activations,
        cache=cache,
        weights=measure.weights,
        embedding_bytes=network.embedding_weights * BF16.bits // 8,
        sensitivities=tuple(sensed.values()),
        plans=tuple(plans),
        baselines=tuple(others),
        gains=gains,
        rounded=lambda assignment: measure.rounded.tensors(assignment, method),
    )


def parts(
    network: Network,
    budgets: Sequence[float],
    uniform: Sequence[WeightStorage],
    baselines: bool,
    limit: Limit | None = None,
) -> int:
    """Return the number of parts of a search, of each of which the caller hears."""
    others = len(dict.fromkeys((*parse_all(BASELINES), *uniform))) + (len(budgets) or 1) + len(METHODS)
    return len(network.products) + len(budgets) + (limit is not None) + (others if baselines else 0)


def parse_all(names: str) -> tuple[WeightStorage, ...]:
    """Return the storages of names with commas between them."""
    return tuple(each for name in names.split(",") for each in parse_storage(name))


class _Measuring:
    """Measures matrices and assignments; what was measured before is read from the cache."""

    def __init__(
        self,
        network: Network,
        texts: Texts,
        method: Method,
        on_input: RoundedInputs | None,
        depends: Sequence[str],
        cost_of: CostOf | None,
    ):
        self.cost_of = cost_of
        self.network, self.texts, self.method, self.on_input = network, texts, method, on_input
        self.depends = [_sources(), *depends]
        self.kept = remember("precision")
        self.weights = sum(product.weights for product in network.products)
        self.rounded = RoundedMatrices(network, texts.calibration, on_input)
        self._made: dict[str, Any] = {}

    def sensitivity(self, product: Product, storages: Sequence[WeightStorage]) -> tuple[Sensed, list[Choice]]:
        """Return the sensitivity of a matrix, and its choices with the losses that they would have alone."""
        names = [each.name for each in storages]

        def make() -> dict[str, Any]:
            weights = self.network.tensors[product.tensor]
            moments = self.rounded.moments[product.name]
            sensitivity = self._once(
                "sensitivity", lambda: Sensitivity(self.network, self.texts.selection, self.on_input)
            )
            probe = round_weights(weights, PROBE, moments, "clipped")
            loss = max(sensitivity.loss(product, probe), 0.0)
            error = moments.error(weights, probe)
            errors = errors_of(weights, storages, moments, "clipped")
            return {"loss": loss, "losses": {name: loss * each / error for name, each in errors.items()}}

        found = self.kept([*self.depends, product.name, *names], make)
        shape = (product.outputs, product.inputs)
        choices = [Choice(each, each.bits(*shape), found["losses"][each.name]) for each in storages]
        return Sensed(product, found["loss"]), choices

    def selection_loss(self, assignment: Assignment, method: Method | None = None) -> float:
        """Return the loss of an assignment on the selection text."""
        way = method or self.method

        def make() -> dict[str, float]:
            expected = self._once("selected", lambda: self._exact(self.texts.selection))
            return {"loss": self.network.loss(expected, self._outputs(self.texts.selection, assignment, way))}

        return self.kept([*self.depends, "selection", way, *_key(assignment)], make)["loss"]

    def assignment(self, name: str, kind: Kind, assignment: Assignment, method: Method | None = None) -> Measured:
        """Return the measures of an assignment."""
        way, texts = method or self.method, self.texts.test

        def make() -> dict[str, float]:
            expected = self._once("tested", lambda: self._exact(texts))
            return self.network.measures(texts, expected, self._outputs(texts, assignment, way))

        loss = self.kept([*self.depends, "test", way, *_key(assignment)], make)
        bits = sum(assignment[each.name].bits(each.outputs, each.inputs) for each in self.network.products)
        selected = self.selection_loss(assignment, way)
        cost = self.cost_of(assignment) if self.cost_of else None
        return Measured(name, kind, assignment, bits / self.weights, bits / 8, selected, loss, cost)

    def _outputs(self, texts: Tokens, assignment: Assignment, method: Method) -> Outputs:
        network = self.network
        return network.after(0, self.rounded.tensors(assignment, method), network.begin(texts), self.on_input)

    def _exact(self, texts: Tokens) -> Outputs:
        """Return the outputs without rounding of weights and activations."""
        # Weights are made for the factors of their inputs.
        exact = self.on_input.exact if self.on_input else None
        return self.network.after(0, self.network.tensors, self.network.begin(texts), exact)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


def _sources() -> str:
    """Return a hash of the sources on which measures depend."""
    return content_hash([(Path(__file__).parent / f"{name}.py").read_text() for name in SOURCES])


def _key(assignment: Assignment) -> tuple[str, ...]:
    return tuple(f"{name}={storage.name}" for name, storage in assignment.items())


def _with_activations(
    network: Network, texts: Texts, activations: str | None, cache: str | None
) -> tuple[Network, RoundedInputs | None]:
    """Return a network whose activations are easier to round, and what rounds them."""
    if activations is None and cache is None:
        return network, None
    form = parse_activations(activations) if activations else None
    network, factors = network.smoothed(texts.calibration) if form else (network, {})
    if cache is None:
        return network, RoundedInputs(form, factors)
    return network, RoundedInputs(
        form, factors, parse_activations(cache, "cache"), key_offsets(network, texts.calibration, factors)
    )


def _check_budget(network: Network, storages: Sequence[WeightStorage], budget: float) -> None:
    least = sum(
        min(storage.bits(each.outputs, each.inputs) for storage in _useful(each, storages)) for each in network.products
    )
    weights = sum(each.weights for each in network.products)
    if not budget * weights >= least:
        raise ConfigError(
            f"budget = {budget:g} bits a weight is not allowed: with these formats it must be at least "
            f"{least / weights:.3f}, which is {least / 8:,.0f} bytes"
        )


def _check_limit(network: Network, storages: Sequence[WeightStorage], limit: Limit, cost_of: CostOf) -> None:
    """Refuse a budget that the fewest bits exceed."""
    least = cost_of(
        {
            each.name: min(_useful(each, storages), key=lambda one: one.bits(each.outputs, each.inputs))
            for each in network.products
        }
    )
    if not limit.met_by(least):
        needed = f"{least.cycles:,} cycles" if limit.quantity == "cycles" else f"{least.energy_j:.4g} J"
        name = f"budget_{limit.quantity.removesuffix('_j')}"
        raise ConfigError(f"{name} = {limit.most:g} is not allowed: with these formats it must be at least {needed}")


def _within(choices: Mapping[str, Sequence[Choice]], limit: Limit, cost_of: CostOf) -> Assignment:
    """Return the assignment of the most bits that is within a budget, found by halving: more bits take longer."""
    low, high = (sum(best(each.bits for each in own) for own in choices.values()) for best in (min, max))
    found, most = assign(choices, low), assign(choices, high)
    if limit.met_by(cost_of(most)):
        return most
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        tried = assign(choices, middle)
        if limit.met_by(cost_of(tried)):
            low, found = middle, tried
        else:
            high = middle
    return found


def _useful(product: Product, storages: Sequence[WeightStorage]) -> list[WeightStorage]:
    """Return the storages whose groups are smaller than an output of a product; all of them if there is none."""
    return [each for each in storages if each.group < product.inputs] or list(storages)


def _weighted(choices: Mapping[str, Sequence[Choice]]) -> list[dict[str, list[Choice]]]:
    """Return the choices with losses to the power of each of :data:`EXPONENTS`."""
    return [
        {name: [Choice(one.storage, one.bits, one.loss**power) for one in each] for name, each in choices.items()}
        for power in EXPONENTS
    ]


def _uniform_within(network: Network, choices: Mapping[str, Sequence[Choice]], bits: float) -> list[Assignment]:
    """Return the uniform assignment within a budget that has the least loss as far as it is known, if there is one."""
    fitting = [each for each in _joined(list(choices.values())) if each.bits <= bits]
    if not fitting:
        return []
    best = min(fitting, key=lambda choice: choice.loss).storage
    return [{product.name: best for product in network.products}]


def _joined(choices: Sequence[Sequence[Choice]]) -> list[Choice]:
    """Return the choices of some matrices that all of them have, for all of them together."""
    sums: dict[WeightStorage, list[Choice]] = {}
    for own in choices:
        for choice in own:
            sums.setdefault(choice.storage, []).append(choice)
    return [
        Choice(storage, sum(each.bits for each in found), sum(each.loss for each in found))
        for storage, found in sums.items()
        if len(found) == len(choices)
    ]


def _assigned_by_layer(network: Network, choices: Mapping[str, Sequence[Choice]], bits: float) -> Assignment:
    """Return the assignment in which all matrices of a layer have one storage."""
    layers: dict[str, list[Sequence[Choice]]] = {}
    for product in network.products:
        layers.setdefault(str(product.layer), []).append(choices[product.name])
    found = assign({layer: _joined(own) for layer, own in layers.items()}, bits)
    return {product.name: found[str(product.layer)] for product in network.products}
