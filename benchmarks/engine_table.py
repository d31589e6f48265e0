"""Measures which engine multiplies faster, by exact runs of models on the CIM array, on the NPE, and on both.

    python -m benchmarks.engine_table            # placements of one model: a token, and a prompt
    python -m benchmarks.engine_table --models   # a token of EdgeCIM's twelve models with both engines, and on the NPE

Prints the tables of docs/npe.md. The systems are ``examples/systems/edge-both.toml`` and ``edge-npe.toml``: the memory
of edge-int4, its array, and an NPE of 8 x 32 SIMD MACs. The second takes some minutes.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import tilewright as tw
from benchmarks.edgecim import MODELS
from tilewright.base.tables import markdown_table

SYSTEMS = Path(__file__).parents[1] / "examples" / "systems"
BOTH, NPE = SYSTEMS / "edge-both.toml", SYSTEMS / "edge-npe.toml"
MODEL = "tinyllama-1.1b"
RUNS = (("decode", 1024), ("prefill", 16))
"""Phases, and the positions that a token attends to or the tokens of a prompt."""
PLACEMENTS: dict[str, Sequence[str]] = {
    "all on the array, INT4": ["cim"],
    "attention on the NPE, bf16": ["cim", "attention=npe:bf16"],
    "network on the NPE, fp4_e2m1": ["cim", "mlp.*=npe:fp4_e2m1"],
    "all on the NPE, fp4_e2m1": ["npe:fp4_e2m1"],
    "all on the NPE, int8": ["npe:int8"],
    "all on the NPE, bf16": ["npe:bf16"],
}
"""Rules by what they do."""


def placements() -> Iterator[tuple[str, ...]]:
    """Yield a row for each placement: tokens/s and the share of the largest bound, of each run."""
    for name, rules in PLACEMENTS.items():
        cells = [name]
        for phase, context in RUNS:
            result = tw.map(MODEL, str(BOTH), phase=phase, context=context, engine=rules)
            cells += [f"{result.tokens_per_s:,.1f}", f"{result.bound_fraction:.1%}"]
        yield tuple(cells)


def models() -> Iterator[tuple[str, ...]]:
    """Yield a row for each model: tokens/s and the share of the largest bound, on each system."""
    for name in MODELS:
        cells = [name]
        for system in (BOTH, NPE):
            result = tw.map(name, str(system), context=1024)
            cells += [f"{result.tokens_per_s:,.1f}", f"{result.bound_fraction:.1%}"]
        yield tuple(cells)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", action="store_true", help="a token of each of EdgeCIM's twelve models")
    if parser.parse_args().models:
        header = ("model", ">both: tokens/s", ">bound / run", ">NPE alone, int8: tokens/s", ">bound / run")
        print(markdown_table(header, list(models())))
        return
    header = ("products", ">token: tokens/s", ">bound / run", ">prompt: tokens/s", ">bound / run")
    print(markdown_table(header, list(placements())))


if __name__ == "__main__":
    main()
