"""Writes docs/energy.md: the kinds of DRAM, a token of Llama-3.2-1B on edge-int4, and EdgeCIM's claim beside it.

    python -m benchmarks.dram_table

Takes about five seconds of CPU time.
"""

from pathlib import Path
from statistics import fmean

import tilewright as tw
from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.mapping.models import llama, load_model
from tilewright.sim.config.dram import BitEnergy, dram_names, load_dram
from tilewright.sim.config.figures import LEVELS
from tilewright.sim.energy.events import Counts, total
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.graph.precision import Precision

TEMPLATE = Path(__file__).with_suffix(".md")
PAGE = Path(__file__).parents[1] / "docs" / "energy.md"
MODEL, SYSTEM, CONTEXT = "llama-3.2-1b", "edge-int4", 1024
CLAIM = 173.02
"""Tokens for a joule, arXiv 2604.11512 (EdgeCIM), abstract: the average of its twelve models."""
CLAIMED = (
    "tinyllama-1.1b", "llama-3.2-1b", "llama-3.2-3b", "phi-3.5-mini", "qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-3b",
    "smollm2-1.7b", "smollm3-3b", "qwen3-0.6b", "qwen3-1.7b", "qwen3-4b",
)  # fmt: skip
"""Models of the claim, arXiv 2604.11512, abstract."""


def energy_table() -> str:
    """Return the table of the energy of a bit."""
    rows = []
    for name in dram_names():
        for level in LEVELS:
            bit: BitEnergy = getattr(load_dram(name).pj_per_bit, level)
            rows.append((name, level, f"{bit.value:g}", _part(bit.array), _part(bit.interface), bit.source))
    return markdown_table(("kind", "figure", ">pJ/bit", ">array", ">interface", "source"), rows)


def _part(pj: float | None) -> str:
    return "" if pj is None else f"{pj:g}"


def background_table() -> str:
    """Return the table of devices and their background power."""
    rows = []
    for name in dram_names():
        kind = load_dram(name)
        for level in LEVELS:
            power = getattr(kind.background_mw, level)
            rows.append(
                (name, kind.description.partition(", a device is ")[2], level, f"{power.value:g}", power.source)
            )
    return markdown_table(("kind", "device", "figure", ">mW", "source"), rows)


def token_table(result: tw.MapResult) -> str:
    """Return the table of the energy of a token by part, with the share of each part."""
    whole = result.energy_range_j
    ranges = {item.name: item.range_j for item in result.energy} | {"all": whole}
    rows = [
        (
            name,
            *(
                f"{getattr(joules, level) * 1e3:,.3f} ({getattr(joules, level) / getattr(whole, level):.1%})"
                for level in LEVELS
            ),
        )
        for name, joules in ranges.items()
    ]
    per_joule = result.tokens_per_j
    rows.append(("tokens/J", *(f"{value:,.1f}" for value in (per_joule.high, per_joule.mid, per_joule.low))))
    return markdown_table(("part", *(f">{level}, mJ" for level in LEVELS)), rows)


def kinds_table(result: tw.MapResult) -> str:
    """Return the table of the tokens for a joule of a run with each kind of DRAM."""
    counts = Counts(memory_bytes=result.memory_bytes, cycles=result.cycles)
    chip = sum(item.joules for item in result.energy[2:])
    rows = []
    for name in dram_names():
        memory = total(energy(counts, result.system.with_({"memory.kind": name}))[:2])
        energies = [getattr(memory, level) + chip for level in LEVELS]
        rows.append(
            (
                name,
                *(f"{joules * 1e3:,.2f}" for joules in energies),
                *(f"{1 / joules:,.1f}" for joules in reversed(energies)),
            )
        )
    headings = (">low, mJ", ">mid, mJ", ">high, mJ", ">fewest tokens/J", ">tokens/J", ">most tokens/J")
    return markdown_table(("kind", *headings), rows)


def needed_pj_per_bit(context: int) -> float:
    """Return the energy of a bit with which the average of the tokens for a joule of all models is the claim."""
    precision = Precision.of(tw.load_system(SYSTEM).cim.tile)
    bits = [8 * llama.decode(load_model(name), context, precision).dram_bytes for name in CLAIMED]
    return fmean(1 / each for each in bits) / CLAIM * 1e12


def parts() -> dict[str, str]:
    """Return what fills the template, by name."""
    result = tw.map(MODEL, SYSTEM, phase="decode", context=CONTEXT)
    lowest = min(load_dram(name).pj_per_bit.low.value for name in dram_names())
    bits, chip_j = 8 * result.memory_bytes, sum(item.joules for item in result.energy[2:])
    return {
        "energy": energy_table(),
        "background": background_table(),
        "command": f"tilewright map {MODEL} --system {SYSTEM} --phase decode --context {CONTEXT}",
        "cycles": f"{result.cycles:,}",
        "token": token_table(result),
        "kinds": kinds_table(result),
        "claim": f"{CLAIM}",
        "budget": f"{1e3 / CLAIM:.2f}",
        "bits": f"{bits / 1e9:.3f}",
        "all_bits": f"{1e12 / CLAIM / bits:.2f}",
        "left_bits": f"{(1 / CLAIM - chip_j) * 1e12 / bits:.2f}",
        "average": f"{needed_pj_per_bit(CONTEXT):.2f}",
        "reached": f"{CLAIM * needed_pj_per_bit(CONTEXT) / lowest:.1f}",
        "shortest": f"{needed_pj_per_bit(1):.2f}",
        "lowest": f"{lowest:g}",
    }


def main() -> None:
    """Write the page."""
    write_text(PAGE, filled(TEMPLATE, parts()))


if __name__ == "__main__":
    main()
