"""The fit of the energies of events: it finds what was put in."""

import numpy as np
import pytest

from benchmarks.event_energy import (
    ACCELERATORS,
    FIELDS,
    FIT,
    GROUPS,
    SHAPE,
    Measurement,
    amount,
    coefficients,
    energies_of,
    fitted,
)  # fmt: skip
from tilewright.cocotb_tests.accelerator.cells import PARTS, Work
from tilewright.sim.config.event_energies import EventEnergies, event_energies
from tilewright.sim.energy.events import NUMBERS, Counts
from tilewright.sim.energy.on_chip import BANKS, on_chip

PROGRAMS = 40


def counts(rng: np.random.Generator) -> Counts:
    """Return a run in which every event happens some times."""
    return Counts(**{name: int(rng.integers(1, 1000)) for name in NUMBERS})


@pytest.fixture(scope="module")
def true() -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(7)
    return {part: {name: float(rng.uniform(0.5, 2)) for name in names} for part, names in FIELDS.items()}


@pytest.fixture(scope="module")
def fit(true):
    rng, measurements = np.random.default_rng(8), []
    for name in FIT:
        config = ACCELERATORS[name]
        runs = [counts(rng) for _ in range(PROGRAMS)]
        works = [
            Work({part: sum(pj * amount(config, run, field) for field, pj in true[part].items()) for part in FIELDS},
                 {}, {}, 1)
            for run in runs
        ]  # fmt: skip
        measurements.append(Measurement(config, runs, works))
    return fitted(measurements)


def test_every_part_and_every_energy_has_its_place():
    assert set(FIELDS) == set(PARTS) == {part for parts in GROUPS.values() for part in parts}
    named = {name for names in FIELDS.values() for name in names}
    assert named | {*SHAPE, "source", "memories"} == set(EventEnergies.model_fields)


def test_the_fit_finds_the_energies_that_were_put_in(fit, true):
    for part, energies in true.items():
        assert fit[part] == pytest.approx(energies, rel=1e-3), part


def test_the_model_is_the_sum_of_what_the_parts_contribute(fit):
    values, rng = coefficients(fit), np.random.default_rng(9)
    assert list(values) == [name for name in EventEnergies.model_fields if name not in ("source", "memories")]
    for config in ACCELERATORS.values():
        run = counts(rng)
        items = on_chip(run, config, energies_of(values))
        said = sum(item.joules * 1e12 for item in items if not item.name.startswith(BANKS))
        parts = sum(pj * amount(config, run, field) for each in fit.values() for field, pj in each.items())
        assert said == pytest.approx(parts)


def test_the_file_of_the_process_has_every_energy():
    energies = event_energies("SG13G2")
    zero = [name for name in EventEnergies.model_fields if getattr(energies, name) == 0]
    assert len(zero) <= 2, zero
