"""One run of a design on the exact model, as a worker carries it out: numbers in, plain data out."""

import time
from collections.abc import Mapping
from typing import Any

from tilewright import __version__
from tilewright.base.errors import ConfigError
from tilewright.mapping.map import map_model
from tilewright.mapping.models.config import Transformer
from tilewright.sim.config import System

Outcome = dict[str, Any]
"""Result of a run, for JSON: cycles, seconds, tokens, energy, bytes, bounds; or why the design was refused."""


def run_exact(
    version: str, base: System, changes: Mapping[str, object], model: Transformer, phase: str, context: int
) -> Outcome:
    """Compile a model for the base with changes, run it on the exact model, and return the outcome.

    Raises
    ------
    ConfigError
        If this process runs another version of Tilewright than the one that asks.
    """
    if version != __version__:
        raise ConfigError(f"a worker has Tilewright {__version__}, and must have {version}")
    begin = time.process_time()
    try:
        result = map_model("", model, base.with_(changes), phase=phase, context=context)
    except ConfigError as error:
        return {"refused": str(error), "cpu_seconds": time.process_time() - begin}
    energy = result.energy_range_j
    return {
        "cycles": result.cycles,
        "seconds": result.seconds,
        "tokens": result.tokens,
        "energy_j": energy.mid,
        "energy_range_j": {"low": energy.low, "mid": energy.mid, "high": energy.high},
        "dram_bytes": result.memory_bytes,
        "bounds": result.bounds.cycles,
        "binding": result.bounds.binding,
        "bound_fraction": result.bound_fraction,
        **({"area_mm2": result.area.area_mm2} if result.area else {}),
        "cpu_seconds": time.process_time() - begin,
    }
