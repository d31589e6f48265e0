"""Writes docs/mapping-search.md: what a search of the mapping gains, for EdgeCIM's twelve models and all presets.

    python -m benchmarks.mapping_search [ROWS.json]

Takes about forty minutes of CPU time. With a file, each row goes there when it has been found, and rows that are in
it already are not searched again.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.edgecim import MODELS
from benchmarks.mappers.products import LAYER, SYSTEM, ZIGZAG, product_cycles
from benchmarks.pages import filled
from tilewright.base.files import write_json, write_text
from tilewright.base.tables import markdown_table
from tilewright.mapping.models.load import load_model
from tilewright.mapping.models.phases import DECODE, PREFILL
from tilewright.mapping.search.search import search
from tilewright.mapping.work import Work
from tilewright.sim.config import load_system

TEMPLATE, PAGE = Path(__file__).with_suffix(".md"), Path(__file__).parents[1] / "docs" / "mapping-search.md"
CONTEXTS = {DECODE: 1024, PREFILL: 128}
"""Context of the token, and tokens of the prompt."""
SMALL_CONTEXTS = {DECODE: 64, PREFILL: 32}
"""The same of the model that comes with its weights."""
OWN_MODEL = "slate-132k"
TABLES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "decode": tuple((model, "edge-int4", DECODE) for model in MODELS),
    "prefill": tuple((model, "edge-int4", PREFILL) for model in MODELS),
    "others": (
        ("qwen2.5-0.5b", "edge-int8", DECODE),
        ("llama-3.2-1b", "edge-int4-refresh", DECODE),
        ("llama-3.2-1b", "edge-int4-dram", DECODE),
        ("qwen3-0.6b", "edge-int4-dram", DECODE),
        *((OWN_MODEL, system, phase) for system in ("small", "tiny", "nano") for phase in CONTEXTS),
    ),
}
"""Works of each table: model, system, phase."""
Row = dict[str, Any]


def row(model: str, system: str, phase: str) -> Row:
    """Return the numbers of a search."""
    context = (SMALL_CONTEXTS if model == OWN_MODEL else CONTEXTS)[phase]
    work = Work(model=load_model(model), system=load_system(system), phase=phase, context=context)
    begin = time.process_time()
    found = search(work)
    chunk = found.mapping.chunk or work.default_chunk[0]
    before = work.default_chunk[0]
    return found.to_dict() | {"chunk": chunk, "default_chunk": before, "seconds": time.process_time() - begin}


def rows(path: Path | None) -> dict[str, Row]:
    """Return the rows of all tables, by model, system and phase."""
    found: dict[str, Row] = json.loads(path.read_text()) if path and path.exists() else {}
    for works in TABLES.values():
        for work in works:
            key = " ".join(work)
            if key not in found:
                found[key] = row(*work)
                print(key, f"{found[key]['gain']:.2%}", f"{found[key]['gap']:+.3%}", flush=True)
                if path:
                    write_json(path, found)
    return found


HEADINGS = (
    "model", "system", "phase", ">default, cycles", ">found, cycles", ">gain", ">estimate / run - 1", ">mappings",
    ">schedules", ">by bound", ">same program", ">no room", ">run", ">CPU s",
)  # fmt: skip


def cells(works: tuple[tuple[str, str, str], ...], found: dict[str, Row]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a table."""
    for work in works:
        each = found[" ".join(work)]
        model, system, phase = work
        cycles = min(each["best_cycles"], each["default_cycles"])
        chunks = f", {each['default_chunk']} to {each['chunk']} a chunk" if phase == PREFILL else ""
        digits = len(str(each["mappings"]))
        yield (
            model, system, f"{phase}{chunks}", f"{each['default_cycles']:,}", f"{cycles:,}", f"{each['gain']:.2%}",
            f"{each['gap']:+.3%}", f"10^{digits - 1}", f"{each['schedules']:,}", f"{each['bounded']:,}",
            f"{each['alike']:,}", f"{each['refused']:,}", f"{each['run']:,}", f"{each['seconds']:.0f}",
        )  # fmt: skip


def main() -> None:
    """Search all mappings and write the page."""
    found = rows(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    parts = {name: markdown_table(HEADINGS, cells(works, found)) for name, works in TABLES.items()}
    parts["worst gap"] = f"{max(abs(each['gap']) for each in found.values()):.2%}"
    bound = sum(n * k for n, k in LAYER) // load_system(SYSTEM).accelerator.bus_bytes
    for m in ZIGZAG:
        cycles = product_cycles(m)
        parts |= {f"zigzag {m}": f"{cycles:,}", f"zigzag above {m}": f"{cycles / bound - 1:.2%}"}
    write_text(PAGE, filled(TEMPLATE, parts))


if __name__ == "__main__":
    main()
