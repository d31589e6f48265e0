"""Cycles and energy of a classifier of pictures whose products have the storages of an assignment, on NPE and vector
unit of a system."""

from dataclasses import replace

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.lower.pictures import lower_classifier
from tilewright.mapping.map import run_program
from tilewright.mapping.precision.npe_classifier import NpeClassifier, Quantiser, storage_of
from tilewright.mapping.precision.plans.assignment import Assignment
from tilewright.mapping.precision.plans.classifier_network import ClassifierNetwork
from tilewright.mapping.precision.plans.search import Cost
from tilewright.mapping.precision.plans.storage import WeightStorage
from tilewright.mapping.report import RunCounts
from tilewright.sim.config import System
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.energy.events import total
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.formats.simd import Mode

PICTURES = 2
"""Number of pictures from which scales come; cycles do not depend on them."""


class ClassifierCost:
    """Runs a classifier on one picture, its products in formats of the NPE, on the exact model of a system.

    Raises
    ------
    ConfigError
        If the system has no NPE.
    """

    def __init__(self, network: ClassifierNetwork, system: System):
        npe_of(system)
        self.system = system
        pictures = np.array(list(network.pictures.values())[:PICTURES])
        self._quantiser = Quantiser(network.classifier, pictures, "nearest")
        self._kept: dict[tuple[Mode, ...], Cost] = {}

    def __call__(self, assignment: Assignment) -> Cost:
        """Return the cost of an assignment; a storage that the NPE does not have counts as a wider one that it has.

        Raises
        ------
        ConfigError
            If an operation has no steps on the system, or finds no room there; names it.
        """
        npe = npe_of(self.system)
        modes = tuple(_mode(npe, assignment[each.name]) for each in self._quantiser.products)
        if modes not in self._kept:
            counts = picture_counts(self._quantiser.quantised(modes), self.system)
            self._kept[modes] = Cost(
                counts.cycles, total(energy(counts.events, self.system)).mid, counts.events.memory_bytes, True
            )
        exact = all(storage_of(mode) == storage for mode, storage in zip(modes, assignment.values(), strict=True))
        return replace(self._kept[modes], exact=exact)


def picture_counts(quantised: NpeClassifier, system: System) -> RunCounts:
    """Return the counts of a picture that goes through a classifier, on the exact model."""
    program = compile_program(system.accelerator, lower_classifier(quantised, system.vector.lanes).lowered)
    counts = RunCounts(system)
    counts.add(program, run_program(system, program, timeline=True))
    return counts


def npe_of(system: System) -> NpeConfig:
    """Return the NPE of a system.

    Raises
    ------
    ConfigError
        If it has none.
    """
    npe = system.accelerator.npe
    if npe is None:
        raise ConfigError(f"system = {system.name} has no NPE, on which the products of a classifier run")
    return npe


def formats_of_npe(npe: NpeConfig) -> str:
    """Return the storages of weights that an NPE multiplies, with commas between them."""
    return ",".join(storage_of(mode).name for mode in npe.modes)


def _mode(npe: NpeConfig, storage: WeightStorage) -> Mode:
    """Return the format of the NPE that has the numbers of a storage, or else the narrowest that is not narrower."""
    equal = [mode for mode in npe.modes if mode.format == storage.element]
    wider = [mode for mode in sorted(npe.modes, key=lambda mode: mode.bits) if mode.bits >= storage.element.bits]
    if not equal and not wider:
        raise ConfigError(f"{storage.name} is wider than all formats of the NPE")
    return (equal or wider)[0]
