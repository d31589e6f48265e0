"""Searches which formats the matrices of a model are stored in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tilewright.api.systems import system_of
from tilewright.base.errors import ConfigError
from tilewright.mapping.classifier_cost import ClassifierCost, formats_of_npe, npe_of
from tilewright.mapping.models.minilm import NAME
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.models.readers.onnx_classifier import read_classifier
from tilewright.mapping.planned_cost import CostOnSystem
from tilewright.mapping.precision.plans.activations import parse_activations
from tilewright.mapping.precision.plans.classifier_network import ENDING, ClassifierNetwork, read_pictures, texts_of
from tilewright.mapping.precision.plans.decoder_network import DecoderNetwork
from tilewright.mapping.precision.plans.encoder_network import EncoderNetwork
from tilewright.mapping.precision.plans.network import Network
from tilewright.mapping.precision.plans.on_array import formats_of
from tilewright.mapping.precision.plans.plan_file import identity_of
from tilewright.mapping.precision.plans.rounding import METHODS, Method
from tilewright.mapping.precision.plans.search import FORMATS, CostOf, Limit, PrecisionResult, parts, search
from tilewright.mapping.precision.plans.storage import WeightStorage, parse_storages
from tilewright.mapping.precision.plans.texts import SAMPLED_WEIGHTS, TOKENS, Texts, decoder_texts, sentences
from tilewright.sim.config import System

MAX_TOKENS = 1 << 20


@dataclass(frozen=True)
class PreparedSearch:
    """A search that is ready to run; :func:`prepare_precision` makes it."""

    network: Network
    texts: Texts
    storages: tuple[WeightStorage, ...]
    budgets: tuple[float, ...]
    uniform: tuple[WeightStorage, ...]
    method: Method
    activations: str | None
    cache: str | None
    baselines: bool
    cost_of: CostOf | None = None
    limit: Limit | None = None

    @property
    def parts(self) -> int:
        """Number of parts, of each of which ``done`` hears."""
        return parts(self.network, self.budgets, self.uniform, self.baselines, self.limit)

    def run(self, done: Callable[[str], None] = lambda _: None) -> PrecisionResult:
        """Search, and return what was found."""
        return search(
            self.network, self.texts, self.storages, self.budgets, method=self.method, activations=self.activations,
            cache=self.cache, uniform=self.uniform, baselines=self.baselines, cost_of=self.cost_of, limit=self.limit,
            done=done,
        )  # fmt: skip


def precision(
    model: str | Path,
    *,
    budget: float | Sequence[float] = 5.0,
    budget_bytes: int | None = None,
    budget_cycles: int | None = None,
    budget_energy: float | None = None,
    system: str | Path | System | None = None,
    context: int | None = None,
    formats: str | None = None,
    uniform: str = "",
    method: str = "compensated",
    activations: str | None = None,
    cache: str | None = None,
    tokens: int = TOKENS,
    calibration: str | Path | None = None,
    selection: str | Path | None = None,
    test: str | Path | None = None,
    baselines: bool = True,
) -> PrecisionResult:
    """Search a format for each matrix of a model on its real weights, as ``tilewright precision`` does.

    Parameters
    ----------
    model : str or Path
        Model with weights, as :func:`generate_text` takes it, ``minilm``, or a classifier of pictures, a file that ends
        in ``.onnx``; see :mod:`.onnx_classifier` for its operators.
    budget : float or sequence of float
        Bits a weight, scales included; a plan is searched for each.
    budget_bytes : int, optional
        Bytes of all matrices, scales included, in place of ``budget``.
    budget_cycles : int, optional
        Cycles of a run on the system, in place of ``budget``.
    budget_energy : float, optional
        Energy of a run on the system in joules, in place of ``budget``.
    system : str, Path or System, optional
        System on whose exact model each plan and baseline runs: a decode step at ``context``, a sentence of ``context``
        tokens through an encoder, or a picture through a classifier, whose products run on the NPE.
    context : int, optional
        Number of positions, or of tokens of a sentence; by default 128, or as many as the model takes if those are
        fewer.
    formats : str, optional
        Formats that a matrix may have, with commas, each with a granularity of its scales or for all of them; by
        default those that the array of the system has, or all integers, small floats and posits without a system.
    uniform : str
        Formats of more baselines in which all matrices have one.
    method : str
        Way of rounding: ``nearest``, ``clipped`` or ``compensated``.
    activations : str, optional
        Format of activations; float64 without it.
    cache : str, optional
        Format of keys and values, such as ``int4``; that of activations without it. Keys are rounded as their distances
        from the mean keys of the calibration text.
    tokens : int
        Number of tokens of a decoder's calibration text; of its selection text half as many.
    calibration, selection, test : str or Path, optional
        Files of texts in place of our own or of those that a small decoder writes itself; for an encoder, a sentence a
        line; for a classifier, files of numpy with ``pictures`` and ``classes``. They must be disjoint.
    baselines : bool
        Whether uniform, random and layer-wise assignments, and the ways of rounding, are measured beside the plans.

    Raises
    ------
    ConfigError
        If the model cannot be read, a format or text cannot be used, or a budget cannot be met.
    """
    return prepare_precision(
        model, budget=budget, budget_bytes=budget_bytes, budget_cycles=budget_cycles, budget_energy=budget_energy,
        system=system, context=context, formats=formats, uniform=uniform, method=method, activations=activations,
        cache=cache, tokens=tokens, calibration=calibration, selection=selection, test=test, baselines=baselines,
    ).run()  # fmt: skip


def prepare_precision(
    model: str | Path,
    *,
    budget: float | Sequence[float],
    budget_bytes: int | None,
    budget_cycles: int | None,
    budget_energy: float | None,
    system: str | Path | System | None,
    context: int | None,
    formats: str | None,
    uniform: str,
    method: str,
    activations: str | None,
    cache: str | None,
    tokens: int,
    calibration: str | Path | None,
    selection: str | Path | None,
    test: str | Path | None,
    baselines: bool,
) -> PreparedSearch:
    """Return a search that is ready to run: see :func:`precision`."""
    on = None if system is None else system_of(system)
    limits = {"budget_bytes": budget_bytes, "budget_cycles": budget_cycles, "budget_energy": budget_energy}
    given = [name for name, value in limits.items() if value is not None]
    for name in given:
        if not limits[name] > 0:  # type: ignore[operator]
            raise ConfigError(f"{name} = {limits[name]} is not allowed: above 0")
    if len(given) > 1:
        raise ConfigError(f"{given[1]} is not allowed with {given[0]}: a plan has one budget")
    if on is None and given and given[0] != "budget_bytes":
        raise ConfigError(f"{given[0]} needs system: the system on which the model runs")
    if context is not None and not 1 <= context <= MAX_TOKENS:
        raise ConfigError(f"context = {context} is not allowed: 1 to {MAX_TOKENS}")
    if formats is None:
        pictures_alone = str(model).endswith(ENDING)
        formats = (
            FORMATS if on is None else formats_of_npe(npe_of(on)) if pictures_alone else formats_of(on.cim_array.tile)
        )
    storages = parse_storages(formats)
    others = parse_storages(uniform) if uniform else ()
    if method not in METHODS:
        raise ConfigError(f"method = {method} is not allowed: {', '.join(METHODS)}")
    if activations is not None:
        parse_activations(activations)
    if cache is not None:
        parse_activations(cache, "cache")
    if not 64 <= tokens <= MAX_TOKENS:
        raise ConfigError(f"tokens = {tokens} is not allowed: 64 to {MAX_TOKENS}")
    budgets = (budget,) if isinstance(budget, int | float) else tuple(budget)
    if not budgets or not all(0 < each <= 64 for each in budgets):
        raise ConfigError(f"budget = {budget} is not allowed: bits a weight, above 0 and at most 64")
    files = {
        part: None if path is None else Path(path)
        for part, path in (("calibration", calibration), ("selection", selection), ("test", test))
    }
    if str(model) == NAME:
        network: Network = EncoderNetwork.minilm()
        texts = sentences(files)
    elif str(model).endswith(ENDING):
        labelled = read_pictures(files)
        classifier = read_classifier(Path(model), labelled["calibration"][0].shape[1:])
        texts, pictures = texts_of(labelled, classifier)
        network = ClassifierNetwork(str(model), classifier, pictures)
        if context is not None:
            raise ConfigError(f"context = {context} is not allowed with {model}: a classifier has no positions")
        if cache is not None:
            raise ConfigError(f"cache = {cache} is not allowed with {model}: a classifier has no keys and values")
    else:
        network, texts = _decoder(model, tokens, files)
    if budget_bytes is not None:
        budgets = (8 * budget_bytes / sum(each.weights for each in network.products),)
    limit = None
    if budget_cycles is not None or budget_energy is not None:
        limit = Limit("energy_j", budget_energy) if budget_cycles is None else Limit("cycles", budget_cycles)  # type: ignore[arg-type]
        budgets = ()
    cost: CostOf | None = None
    if on is not None:
        cost = (
            ClassifierCost(network, on)
            if isinstance(network, ClassifierNetwork)
            else CostOnSystem(network, on, context)
        )
        # A system that cannot run the model is refused before anything is measured.
        cost(dict.fromkeys((each.name for each in network.products), storages[0]))
    return PreparedSearch(network, texts, storages, budgets, others, method, activations, cache, baselines, cost, limit)


def _decoder(model: str | Path, tokens: int, files: dict[str, Path | None]) -> tuple[DecoderNetwork, Texts]:
    checkpoint = read_model(model)
    tensors = {name: np.asarray(checkpoint.tensors[name]) for name in checkpoint.tensors}
    network = DecoderNetwork(str(model), checkpoint.model, tensors)
    weights = sum(each.weights for each in network.products)
    if weights <= SAMPLED_WEIGHTS:
        tensors = {name: each.astype(np.float64) for name, each in tensors.items()}
        network = DecoderNetwork(str(model), checkpoint.model, tensors)
    return network, decoder_texts(checkpoint, identity_of(network), weights, tokens, files)
