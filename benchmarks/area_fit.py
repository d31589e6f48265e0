"""Fits the coefficients of area, leakage and flip-flops to parts that were synthesised."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.optimize import nnls

from benchmarks.area_parts import Measured
from tilewright.hw.synth.library import Library
from tilewright.sim.energy.area import AreaModel, Coefficients, FeatureRange, MacroFigures, memory_features

MEMORY = "memory"
CONSTANT = "one"
"""Feature that is 1 in every part that has it."""
LEAST_UM2 = 2000
"""Area below which a part counts as if it had this one: a few gates more or less do not matter."""

NOISE = 1e-9
"""Coefficient below which there is none: the smallest true ones, of leakage in µW, are above 1e-5."""


def unfitted(library: Library, tools: dict[str, str], clock_pj: float) -> AreaModel:
    """Return the model of a process without coefficients: its macros, and what decides about memories."""
    return AreaModel(
        tools=tools,
        clock_pj=clock_pj,
        bit_area_um2=round(library.bit_area, 4),
        macros={
            macro.name: MacroFigures(
                words=macro.words,
                width=macro.width,
                mask=macro.mask,
                area_um2=macro.area_um2,
                leakage_uw=macro.leakage_uw or 0.0,
            )
            for macro in library.usable_macros
        },
        parts={},
        ranges={},
    )


def fitted(model: AreaModel, measured: Sequence[Measured], library: Library) -> AreaModel:
    """Return the model with the coefficients that suit the measured parts best.

    Errors relative to the area of each part count, and no coefficient is below zero. A feature that is the same in all
    measured parts of a name has no coefficient if the part has a constant.
    """
    names = _varied(measured, model)
    sizes = np.array([[_sizes(each, model).get(name, 0.0) for name in names] for each in measured])
    weights = np.array([1 / max(each.cost.cells_um2, LEAST_UM2) for each in measured])
    scales = np.maximum(np.abs(sizes * weights[:, None]).max(axis=0), 1e-30)
    columns = {}
    for field, values in _targets(measured, library).items():
        found, _ = nnls(sizes * weights[:, None] / scales, np.array(values) * weights * _unit(values, measured))
        columns[field] = found / scales / _unit(values, measured)
    parts: dict[str, dict[str, Coefficients]] = {}
    for index, (part, feature) in enumerate(names):
        figures = {field: _rounded(values[index]) for field, values in columns.items()}
        parts.setdefault(part, {})[feature] = Coefficients(**figures)
    return model.model_copy(update={"parts": parts, "ranges": ranges(measured)})


def _rounded(value: float) -> float:
    """Return a coefficient with five digits; what the least squares leave of none is zero."""
    return 0.0 if value < NOISE else float(f"{value:.5g}")


def ranges(measured: Iterable[Measured]) -> dict[str, dict[str, FeatureRange]]:
    """Return the least and the greatest value of each feature of each part."""
    seen: dict[str, dict[str, list[float]]] = {}
    for each in measured:
        for feature, size in each.part.features.items():
            seen.setdefault(each.part.name, {}).setdefault(feature, []).append(float(size))
    return {
        part: {feature: FeatureRange(least=min(sizes), greatest=max(sizes)) for feature, sizes in features.items()}
        for part, features in sorted(seen.items())
    }


def _varied(measured: Sequence[Measured], model: AreaModel) -> list[tuple[str, str]]:
    """Return the features that can have a coefficient."""
    seen: dict[tuple[str, str], set[float]] = {}
    for each in measured:
        for name, size in _sizes(each, model).items():
            seen.setdefault(name, set()).add(size)
    return sorted(
        (part, feature)
        for (part, feature), sizes in seen.items()
        if len(sizes) > 1 or feature == CONSTANT or (part, CONSTANT) not in seen
    )


def _sizes(each: Measured, model: AreaModel) -> dict[tuple[str, str], float]:
    own = {(each.part.name, feature): float(size) for feature, size in each.part.features.items()}
    return own | {(MEMORY, feature): size for feature, size in memory_features(each.part, model).items() if size}


def _targets(measured: Sequence[Measured], library: Library) -> dict[str, list[float]]:
    return {
        "area_um2": [each.cost.cells_um2 for each in measured],
        "leakage_uw": [each.cost.cells_leakage_uw(library) for each in measured],
        "flip_flops": [float(sum(each.cost.flip_flops(library).values())) for each in measured],
    }


def _unit(values: Sequence[float], measured: Sequence[Measured]) -> float:
    """Return the factor that brings a quantity to the size of the area."""
    return sum(each.cost.cells_um2 for each in measured) / max(sum(values), 1e-30)
