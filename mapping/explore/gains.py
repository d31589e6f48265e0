"""Gains from a tenth more of each resource, for designs of the front, run on the exact model like the designs."""

from collections.abc import Sequence

import numpy as np

from tilewright.mapping.explore.result import Gain
from tilewright.mapping.explore.runs import ExactRuns
from tilewright.mapping.explore.space import Space
from tilewright.mapping.explore.variants import FACTOR, FASTER, RESOURCES, SLOWER, shares


def run_variants(runs: ExactRuns, numbers: Sequence[int]) -> None:
    """Run the variants of designs: each resource faster, or slower if the design cannot have more of it."""
    runs.run([(number, variant) for number in numbers for variant in FASTER])
    slower = zip(FASTER, SLOWER, strict=True)
    refused = [(number, slow) for fast, slow in slower for number in numbers if runs.refusal(number, fast)]
    runs.run(refused)


def gains(space: Space, runs: ExactRuns, number: int) -> tuple[Gain, ...]:
    """Return what more of each resource gives to a design whose variants were run."""

    def seconds(variant: str) -> float:
        return float(runs.sums([number], variant).seconds[0])

    now, system = seconds(""), space.designs(np.array([number])).system(0)
    refusals = {name: runs.refusal(number, fast) for name, fast in zip(RESOURCES, FASTER, strict=True)}
    variants = {
        name: (slow, 1 / FACTOR) if refusals[name] else (fast, FACTOR)
        for name, fast, slow in zip(RESOURCES, FASTER, SLOWER, strict=True)
    }
    times = {name: (seconds(variant), factor) for name, (variant, factor) in variants.items()}
    share = shares(now, times)
    return tuple(
        Gain(
            resource=name,
            field=resource.field,
            value=resource.value(system, FACTOR),
            share=share[name],
            faster=None if refusals[name] else now / times[name][0],
            refused=refusals[name],
        )
        for name, resource in RESOURCES.items()
    )
