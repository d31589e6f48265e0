"""Error and speed of the estimates: random systems, models and contexts, each on the exact model, too.

    python -m benchmarks.estimate_error                   # errors of the results so far
    python -m benchmarks.estimate_error --systems 1000    # runs the exact model until there are so many results
    python -m benchmarks.estimate_error --seeds 4 --systems 60 --results FILE  # the same of another seed
    python -m benchmarks.estimate_error --phase prefill   # the same for prompts
    python -m benchmarks.estimate_error --write           # writes what comes with Tilewright, and the page

Results are kept in a file, one line each: a run that is stopped goes on where it was. A result takes about a second of
CPU time, one of a prompt ten.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pages import filled
from tilewright.base.errors import ConfigError
from tilewright.base.files import write_json, write_text
from tilewright.base.tables import markdown_table
from tilewright.mapping.explore.by_estimates import estimates_of
from tilewright.mapping.explore.space import ModelRun
from tilewright.mapping.map import map_model
from tilewright.mapping.models.load import load_transformer
from tilewright.mapping.models.workload import workload
from tilewright.sim.config import load_system
from tilewright.sim.estimate.designs import Designs
from tilewright.sim.estimate.estimate import estimate
from tilewright.sim.estimate.measured import FILE

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "build" / "estimate_error.jsonl"
TEMPLATE, PAGE = Path(__file__).with_suffix(".md"), ROOT / "docs" / "estimate.md"
BASE = "edge-int4"
SEEDS = (1, 2, 3)
MODELS = {
    "decode": ("gemma-3-1b", "llama-3.2-1b", "qwen2.5-0.5b", "qwen3-0.6b", "tinyllama-1.1b"),
    "prefill": ("llama-3.2-1b", "qwen2.5-0.5b", "qwen3-0.6b"),
    "encode": ("minilm",),
}
CONTEXTS = {
    "decode": (16, 64, 128, 256, 512, 1000, 1024, 2048, 3000, 4096, 8192),
    "prefill": (8, 16, 32, 48),
    "encode": (8, 16, 32, 48, 64),
}
"""Contexts of a token, and numbers of tokens of prompts and of encoders."""
GOAL = 0.02
"""Error that no system should exceed; the page says how many do."""
BUS_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Parts of the bus that memory's bandwidth fills."""
FIELDS: dict[str, tuple[Any, ...]] = {
    "clock_mhz": (500, 700, 800, 1000, 1200, 1400),
    "memory.latency_ns": (40.0, 60.0, 80.0, 100.0, 114.0, 150.0, 200.0),
    "memory.refresh.interval_ns": (1950.0, 3906.0, 7800.0),
    "memory.refresh.time_ns": (140.0, 210.0, 280.0, 380.0),
    "cim.tiles": (1, 2, 4, 8),
    "cim.tile.macro.rows": (16, 32, 64, 128, 256),
    "cim.tile.macro.columns": (16, 32, 64, 128, 256),
    "cim.tile.macro.weight_bits": (4, 8),
    "cim.tile.macro.weight_format": ("int", "int", "int", "fp4_e2m1"),
    "cim.tile.macro.input_bits": (8,),
    "cim.tile.macro.input_bits_per_cycle": (1, 2, 4),
    "cim.tile.macro.weight_banks": (2, 3, 4),
    "cim.tile.macro.tree_levels_per_stage": (2, 3, 5, 8),
    "cim.tile.grid_rows": (1, 2, 4, 8),
    "cim.tile.grid_columns": (1, 2, 4),
    "cim.tile.group_scale": ("none", "none", "none", "none", "uint8", "e8m0"),
    "cim.tile.group_rows": (32, 64, 128),
    "cim.tile.activation_bus_bits": (64, 128, 256, 512),
    "cim.tile.result_bus_bits": (64, 128, 256, 512),
    "cim.tile.input_buffer_vectors": (2, 4, 8, 16),
    "cim.tile.accumulator_vectors": (16, 64, 256),
    "cim.tile.result_buffer_vectors": (1, 2, 4, 8),
    "cim.tile.command_queue_depth": (2, 4, 8),
    "vector.lanes": (8, 16, 32, 64),
    "vector.scalars": (128, 256, 512, 1024),
    "vector.address_bits": (10, 11, 12, 13, 14, 15, 16),
    "fabric.banks": (4, 8, 16),
    "fabric.bus_bits": (128, 256, 512),
    "fabric.outstanding": (4, 8, 16, 32, 64),
    "fabric.max_burst": (16, 32, 64),
    "fabric.weight_buffer_beats": (256, 512, 1024, 2048, 4096),
    "fabric.queue_depth": (8, 16, 32),
    "fabric.fetch_depth": (4, 8, 16),
}
"""Values of each field that are drawn; all at the same odds."""
REFRESHED = 0.3
"""Part of the systems whose memory is refreshed."""
DRAWN = 20_000
"""Number of systems that are drawn together; a few percent of them are legal."""


def draws(seed: int, phase: str = "decode") -> Iterator[dict[str, Any]]:
    """Yield random legal systems, each as changed fields, with a model and a context."""
    rng = np.random.default_rng(seed)
    while True:
        fields = {path: rng.choice(np.array(values), DRAWN) for path, values in FIELDS.items()}
        fields["cim.tile.weight_bus_bits"] = fields["fabric.bus_bits"]
        fields["cim.tile.group_rows"] *= fields["cim.tile.group_scale"] != "none"
        bus = fields["clock_mhz"] * fields["fabric.bus_bits"] // 8
        fields["memory.bandwidth_mb_per_s"] = np.floor(rng.choice(BUS_SHARES, DRAWN) * bus).astype(np.int64)
        designs = Designs(load_system(BASE), fields)
        for index in np.flatnonzero(designs.legal):
            changes = designs.changes(int(index))
            if rng.random() >= REFRESHED:
                changes = {path: value for path, value in changes.items() if not path.startswith("memory.refresh")}
            model = str(rng.choice(MODELS[phase]))
            longest = _model(model).positions
            context = int(rng.choice([each for each in CONTEXTS[phase] if each <= longest]))
            yield {"model": model, "context": context, "fields": changes}


def exact(case: dict[str, Any], phase: str) -> dict[str, Any]:
    """Return what the exact model finds for a case: cycles and bytes, or why the compiler refuses it."""
    system = load_system(BASE).with_(case["fields"])
    try:
        result = map_model(case["model"], _model(case["model"]), system, phase=phase, context=case["context"])
    except ConfigError as error:
        return {"refused": str(error)}
    return {"cycles": result.cycles, "dram_bytes": result.memory_bytes}


@cache
def _model(name: str) -> Any:
    return load_transformer(name)


def run(path: Path, phase: str, systems: int, seeds: Sequence[int]) -> None:
    """Run the exact model until a file has so many results of all seeds, and note each as it comes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    have = {(each["seed"], each["number"]) for each in results(path, phase)}
    cases = {seed: draws(seed, phase) for seed in seeds}
    for number in range(-(-systems // len(seeds))):
        for seed in seeds:
            case = next(cases[seed])
            if (seed, number) not in have:
                line = {"phase": phase, "seed": seed, "number": number, **case, **exact(case, phase)}
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")


def results(path: Path, phase: str) -> list[dict[str, Any]]:
    """Return the results of a file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [each for each in map(json.loads, lines) if each["phase"] == phase]


def with_estimates(cases: list[dict[str, Any]], phase: str) -> list[dict[str, Any]]:
    """Return results with what the estimates say about them: ``fits``, ``error`` of cycles and ``bytes_apart``."""
    found = []
    for case in cases:
        model, context = case["model"], case["context"]
        designs = Designs(load_system(BASE), {path: np.array([value]) for path, value in case["fields"].items()})
        guess = estimates_of(ModelRun(model, _model(model), phase, context))(designs)
        more = {"fits": bool(guess.fits[0])}
        if "cycles" in case:
            more["error"] = float(guess.cycles[0]) / case["cycles"] - 1
            more["bytes_apart"] = float(guess.dram_bytes[0]) - case["dram_bytes"]
        found.append({**case, **more})
    return found


@cache
def _workload(model: str, phase: str, context: int) -> Any:
    return workload(_model(model), phase=phase, context=context)


REGIONS: dict[str, Any] = {
    "all": lambda case: True,
    "memory fills at most half of the bus": lambda case: _share(case) <= 0.5,
    "memory fills more than half of the bus": lambda case: _share(case) > 0.5,
    "context up to 512": lambda case: case["context"] <= 512,
    "context from 1,000 to 3,000": lambda case: 512 < case["context"] <= 3000,
    "context of 4,096": lambda case: case["context"] == 4096,
    "context of 8,192": lambda case: case["context"] == 8192,
    "four bursts in flight": lambda case: case["fields"]["fabric.outstanding"] == 4,
    "four banks of scratchpad": lambda case: case["fields"]["fabric.banks"] == 4,
    "eight or more banks": lambda case: case["fields"]["fabric.banks"] >= 8,
    "memory with refresh": lambda case: "memory.refresh.time_ns" in case["fields"],
    "at most 512 KiB of scratchpad": lambda case: _scratchpad(case) <= 1 << 19,
}
"""Regions whose errors are told apart."""


def _share(case: dict[str, Any]) -> float:
    fields = case["fields"]
    return float(8 * fields["memory.bandwidth_mb_per_s"] / (fields["clock_mhz"] * fields["fabric.bus_bits"]))


def _scratchpad(case: dict[str, Any]) -> int:
    fields = case["fields"]
    return int(fields["fabric.banks"] * fields["vector.lanes"] << fields["vector.address_bits"])


def summary(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the errors of results with estimates."""
    errors = np.abs([case["error"] for case in cases if "error" in case])
    wrong = [case["fits"] != ("error" in case) for case in cases]
    return {
        "systems": len(cases),
        "worst": float(errors.max()),
        "median": float(np.median(errors)),
        "refused": float(np.mean(wrong)),
        "bytes": float(np.mean([case["bytes_apart"] != 0 for case in cases if "error" in case])),
    }


def region_rows(cases: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the rows of the table of errors by region."""
    rows = []
    for name, inside in REGIONS.items():
        some = [case for case in cases if inside(case)]
        if not any("error" in case for case in some):
            continue
        found = summary(some)
        errors = np.abs([case["error"] for case in some if "error" in case])
        rows.append(
            (name, f"{len(errors)}", f"{np.median(errors):.2%}", f"{np.quantile(errors, 0.95):.2%}",
             f"{found['worst']:.2%}", f"{found['bytes']:.1%}", f"{found['refused']:.1%}")
        )  # fmt: skip
    return rows


HEADINGS = (
    "systems", "number", "median error", "95 of 100 below", "worst error", "bytes not exact", "wrong about room",
)  # fmt: skip


SPACE: dict[str, tuple[Any, ...]] = {
    "fabric.bus_bits": (128, 256, 512),
    "cim.tiles": (1, 2, 4, 8),
    "cim.tile.macro.rows": (32, 64, 128),
    "cim.tile.macro.columns": (64, 128),
    "vector.lanes": (16, 32, 64),
    "vector.address_bits": (12, 13, 14),
    "fabric.weight_buffer_beats": (512, 1024, 2048),
    "fabric.outstanding": (8, 16, 32),
    "memory.latency_ns": (60.0, 90.0, 120.0, 150.0),
    "memory.bandwidth_mb_per_s": tuple(range(3200, 16_000, 800)),
}
"""Fields of a space on which speed is measured, and their values: all combinations."""
RUNS = 8
"""Number of measurements, of which the fastest counts: what else runs on the machine slows the others down."""


def speed() -> float:
    """Return the whole-model estimates of a CPU second, legality included, of designs of a space in random order."""
    grid = np.meshgrid(*map(np.array, SPACE.values()), indexing="ij")
    chosen = np.random.default_rng(1).permutation(grid[0].size)[: 1 << 17]
    fields = {path: values.ravel()[chosen] for path, values in zip(SPACE, grid, strict=True)}
    fields["cim.tile.weight_bus_bits"] = fields["fabric.bus_bits"]
    seconds = []
    for _ in range(RUNS):
        designs = Designs(load_system(BASE), fields)
        begin = time.process_time()
        estimate(_workload("llama-3.2-1b", "decode", 1024), designs)
        seconds.append(time.process_time() - begin)
    return len(chosen) / min(seconds)


def write(cases: dict[str, list[dict[str, Any]]]) -> None:
    """Write the measured errors of all phases, with their ranges, and the page."""
    measured = {}
    for phase, some in cases.items():
        found = summary(some)
        del found["bytes"]
        measured[phase] = found | {
            "contexts": [min(CONTEXTS[phase]), max(CONTEXTS[phase])],
            "models": MODELS[phase],
            "bus_shares": BUS_SHARES,
            "fields": FIELDS,
        }
    write_json(FILE, measured)
    ranges = [(f"`{path}`", ", ".join(map(str, values))) for path, values in FIELDS.items() if len(values) > 1]
    parts = {
        "above": f"{sum(abs(case.get('error', 0)) > GOAL for case in cases['decode'])}",
        "goal": f"{GOAL:.0%}",
        "errors": markdown_table(HEADINGS, region_rows(cases["decode"])),
        "prompt errors": markdown_table(HEADINGS, region_rows(cases["prefill"])),
        "encoder errors": markdown_table(HEADINGS, region_rows(cases["encode"])),
        "ranges": markdown_table(("field", "values"), ranges),
        "models": ", ".join(MODELS["decode"]),
        "prompt models": ", ".join(MODELS["prefill"]),
        "contexts": ", ".join(f"{each:,}" for each in CONTEXTS["decode"]),
        "prompts": ", ".join(map(str, CONTEXTS["prefill"])),
        "encoder models": ", ".join(MODELS["encode"]),
        "encoder tokens": ", ".join(map(str, CONTEXTS["encode"])),
        "shares": ", ".join(f"{each:g}" for each in BUS_SHARES),
        "rate": f"{1e6 / speed():.1f}",
    }
    write_text(PAGE, filled(TEMPLATE, parts))


def main() -> None:
    """Run what is asked for, and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, default=0, help="number of random systems, over all seeds")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="seeds from which systems are drawn")
    parser.add_argument("--phase", choices=list(MODELS), default="decode", help="a token, a prompt, or an encoder")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file of results")
    parser.add_argument("--write", action="store_true", help="write the measured error and the page")
    options = parser.parse_args()
    if options.systems:
        run(options.results, options.phase, options.systems, options.seeds)
    if options.write:
        write({phase: with_estimates(results(options.results, phase), phase) for phase in MODELS})
        return
    cases = with_estimates(results(options.results, options.phase), options.phase)
    if cases:
        print(markdown_table(HEADINGS, region_rows(cases)))
    print(f"{speed():,.0f} whole-model estimates of a token a CPU second")


if __name__ == "__main__":
    main()
