"""Measures what each event on chip takes in an open process, from programs on an accelerator of cells.

Writes ``energy.toml`` of the process, which ``sim.energy`` reads, and docs/event-energy.md. Takes an hour the first
time; netlists, Verilated models and measured runs are kept. Needs OpenSTA, and the liberty files of the process, see
:mod:`.open_processes`.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.open_processes import PROCESSES, Process
from benchmarks.pages import filled
from tilewright.base.cache import remember
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tools import Tool, find_synthesis_tools
from tilewright.bench.random_programs import Areas
from tilewright.cocotb_tests.accelerator.cells import PARTS, CellsSuite, Work
from tilewright.cocotb_tests.accelerator.energy_programs import EnergyProgram, case_counts, energy_programs
from tilewright.cocotb_tests.accelerator.layer_cases import network_case
from tilewright.cocotb_tests.accelerator.suite import TINY, configuration
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.work_power import SCRIPT
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.event_energies import EventEnergies, MemoryMacro
from tilewright.sim.config.process import process_file
from tilewright.sim.energy.events import Counts
from tilewright.sim.energy.on_chip import BANKS, on_chip

PROCESS = "SG13G2"
PAGE = Path(__file__).parents[1] / "docs" / "event-energy.md"
TEMPLATE = Path(__file__).with_suffix(".md")
FITTED = configuration(
    lanes=2, bank_address_bits=8, bus_bits=32, banks=4, outstanding=2, max_burst=16, weight_buffer_beats=32,
    queue_depth=2, fetch_depth=2, tile={"accumulator_vectors": 4, "activation_bus_bits": 32},
    macro={"rows": 8, "columns": 8, "weight_bits": 4, "input_bits_per_cycle": 2},
)  # fmt: skip
"""Accelerator on which the energies are measured."""
TWO_TILES = configuration(
    lanes=4, bank_address_bits=8, bus_bits=32, tiles=2, banks=4, outstanding=2, max_burst=16, weight_buffer_beats=32,
    queue_depth=2, fetch_depth=2, tile={"accumulator_vectors": 8, "activation_bus_bits": 64},
    macro={"rows": 16, "columns": 8, "weight_bits": 4, "input_bits_per_cycle": 1},
)  # fmt: skip
"""Accelerator of two tiles, with higher macros."""
HELD_OUT: Mapping[str, AcceleratorConfig] = {
    "the measured one": FITTED,
    "the smallest of the benches": TINY,
    "two tiles": TWO_TILES,
}
"""Accelerators on which the model of the energies is held against a simulation of cells, by their names in the page."""
LAYER = LlamaConfig(
    vocab_size=256, num_hidden_layers=1, hidden_size=32, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
    intermediate_size=64,
)  # fmt: skip
"""Shape whose gated network, of two tokens, runs on them."""
CONTROL = ("processor", "scheduler")
"""Parts that are not measured: they take as long to synthesise as all others together."""
VECTOR = ("vector", "lane", "reducer", "scalars")

FEATURES: Mapping[str, tuple[str, ...]] = {
    "reader": ("read_beats",),
    "load": ("load_beats", "weight_beats_in", "commands"),
    "weight buffer": ("weight_beats_in",),
    "store": ("stored_elements", "write_beats", "commands"),
    "scratchpad": ("scratchpad_reads", "scratchpad_writes"),
    "array": ("array_vectors", "result_words", "weight_beats_in", "commands"),
    "weight loader": ("weight_beats_in",),
    "input buffer": ("input_words", "array_vectors"),
    "macro": ("driven_products", "driven_sums", "weight_bits"),
    "accumulators": ("column_sums", "partial_sums"),
    "result buffer": ("result_words",),
    "vector": ("vector_slots", "commands"),
    "lane": (
        "vector_slots", "vector_adds", "vector_multiplies", "vector_exponentials", "vector_gates", "vector_products",
        "vector_offsets",
    ),
    "reducer": ("vector_slots", "vector_sums", "vector_maxima"),
    "scalars": ("vector_slots", "vector_sums", "vector_maxima", "row_scalars"),
}  # fmt: skip
"""Events to which the energy of each part above that of its idle clock is put down."""


def measured(suite: CellsSuite, sta: Tool, programs: Sequence[EnergyProgram]) -> list[Work]:
    """Return the energy of each part in each program, from the cache if it is there."""
    netlists = [netlist.cells for netlist in suite.netlists.values()]
    memory = [program.case.memory.tobytes().hex() for program in programs]
    key = [SCRIPT, *netlists, suite.library.digest, sta.version, repr(suite.config), *memory]

    def make() -> dict:
        return {"works": [asdict(work) for work in suite.work(sta, [program.case for program in programs])]}

    return [Work(**work) for work in remember("energy")(key, make)["works"]]


def event_counts(config: AcceleratorConfig, counts: Counts) -> dict[str, int]:
    """Return all counts, with the beats that were read."""
    beats = counts.commands * 64 // config.bus_bytes + counts.load_beats + counts.weight_beats_in
    return {**asdict(counts), "read_beats": beats}


def fitted(
    config: AcceleratorConfig, programs: Sequence[EnergyProgram], works: Sequence[Work]
) -> dict[str, dict[str, float]]:
    """Return the energy of each event of each part: the least squares of what programs take above the first one."""
    counts = [event_counts(config, program.counts) for program in programs]
    found = {}
    for part, names in FEATURES.items():
        if part not in works[0].event_pj:
            continue
        events = np.array([[each[name] - counts[0][name] for name in names] for each in counts[1:]], float)
        energy = np.array([work.event_pj[part] - works[0].event_pj[part] for work in works[1:]])
        # Relative differences count, of small energies those to a twentieth of the largest one.
        weights = 1 / (np.abs(energy) + np.abs(energy).max() / 20)
        found[part] = dict(zip(names, not_negative(events * weights[:, None], energy * weights), strict=True))
    return found


def not_negative(events: np.ndarray, energy: np.ndarray) -> list[float]:
    """Return the energies of events, none below zero, with the smallest sum of squared differences."""
    kept = list(range(events.shape[1]))
    while kept:
        solution = np.linalg.lstsq(events[:, kept], energy, rcond=None)[0]
        if (solution >= 0).all():
            break
        kept = [index for index, value in zip(kept, solution, strict=True) if value > 0]
    result = [0.0] * events.shape[1]
    for index, value in zip(kept, solution if kept else [], strict=True):
        result[index] = float(value)
    return result


def coefficients(config: AcceleratorConfig, fit: Mapping[str, Mapping[str, float]]) -> dict[str, float | int]:
    """Return the fields of :class:`.EventEnergies` that follow from the energies of a configuration's events."""
    bus, word, tile = config.bus_bits, config.vector.word_bits, config.cim.tile
    store, load, array, buffer, lane = (fit[part] for part in ("store", "load", "array", "input buffer", "lane"))
    return {
        "command_pj": sum(each.get("commands", 0.0) for each in fit.values()),
        "read_pj_per_bit": fit["reader"]["read_beats"] / bus,
        "load_pj_per_bit": load["load_beats"] / bus,
        "weight_load_pj_per_bit": load["weight_beats_in"] / bus,
        "queue_pj_per_bit": fit["weight buffer"]["weight_beats_in"] / bus,
        "queue_words": config.weight_buffer_beats,
        "store_pj_per_element": store["stored_elements"],
        "store_pj_per_bit": store["write_beats"] / bus,
        "scratchpad_read_pj_per_bit": fit["scratchpad"]["scratchpad_reads"] / word,
        "scratchpad_write_pj_per_bit": fit["scratchpad"]["scratchpad_writes"] / word,
        "weight_write_pj_per_bit": (fit["weight loader"]["weight_beats_in"] + array["weight_beats_in"]) / bus
        + fit["macro"]["weight_bits"],
        "product_pj_per_bit_pair": fit["macro"]["driven_products"] / (tile.macro.cell_bits * tile.macro.input_bits),
        "column_pj_per_bit_pair": fit["macro"]["driven_sums"] / (tile.macro.cell_bits * tile.macro.input_bits),
        "input_pj_per_bit": buffer["input_words"] / tile.activation_bus_bits,
        "vector_pj_per_bit": (buffer["array_vectors"] + array["array_vectors"]) / (tile.rows * tile.macro.input_bits),
        "sum_pj": fit["accumulators"]["column_sums"],
        "partial_sum_pj": fit["accumulators"]["partial_sums"],
        "partial_sum_words": tile.accumulator_vectors,
        "result_pj_per_bit": (array["result_words"] + fit["result buffer"]["result_words"]) / tile.result_bus_bits,
        "element_pj": sum(fit[part]["vector_slots"] for part in VECTOR),
        "add_pj": lane["vector_adds"],
        "multiply_pj": lane["vector_multiplies"],
        "exponential_pj": lane["vector_exponentials"],
        "gate_pj": lane["vector_gates"],
        "product_pj": lane["vector_products"],
        "offset_pj": lane["vector_offsets"],
        "row_sum_pj": fit["reducer"]["vector_sums"] + fit["scalars"]["vector_sums"],
        "row_maximum_pj": fit["reducer"]["vector_maxima"] + fit["scalars"]["vector_maxima"],
        "row_scalar_pj": fit["scalars"]["row_scalars"],
    }


def memory_macros(process: Process) -> list[MemoryMacro]:
    """Return the memories of a process that read a word while they write one, the smallest first."""
    memories = sorted(process.files[0].parent.glob("RM_IHPSG13_2P*.lib"))
    macros = read_library([*process.files, *memories]).usable_macros
    return sorted(
        (
            MemoryMacro(name=each.name, words=each.words, bits=each.width, read_pj=each.read_pj, write_pj=each.write_pj)
            for each in macros
        ),
        key=lambda macro: macro.words,
    )


ITEMS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "reads and loads": (("reader", "load", "weight buffer"), ("main memory to chip", "load", "weight buffer")),
    "stores": (("store",), ("store", "chip to main memory")),
    "scratchpad, without banks": (("scratchpad",), ("scratchpad reads", "scratchpad writes")),
    "CIM array": (
        ("array", "weight loader", "input buffer", "macro", "accumulators", "result buffer"),
        ("CIM weight write", "CIM multiply-accumulate", "CIM column sums", "CIM inputs", "CIM input vectors",
         "CIM sums", "CIM partial sums", "CIM results"),
    ),
    "vector unit": (VECTOR, ("vector unit",)),
}  # fmt: skip
"""Parts of the netlist and items of the model, by beginnings of their names, that are held against each other."""


def held_out_rows(
    name: str, suite: CellsSuite, sta: Tool, energies: EventEnergies, clock_pj: Mapping[str, float] | None = None
) -> list[tuple[str, ...]]:
    """Return the rows of a run of a layer: energy of the simulated cells above the idle clock, and of the model."""
    config = suite.config
    case = network_case(config, LAYER, tokens=2)
    counts = case_counts(config, case)
    empty = energy_programs(config)[0]
    # Values of registers that no reset reaches come from the first program; the empty one in between ends the layer's.
    _, work, nothing = measured(suite, sta, [empty, EnergyProgram(name, case, counts), empty])
    items = {item.name: item.joules * 1e12 for item in on_chip(counts, config, energies)}
    idle = on_chip(empty.counts, config, energies)
    rows, sums = [], [0.0, 0.0]
    for group, (parts, names) in ITEMS.items():
        if not set(parts) <= set(suite.parts):
            continue
        simulated = sum(work.event_pj[part] - nothing.event_pj[part] for part in parts)
        modelled = sum(pj for item, pj in items.items() if item.startswith(names) and not item.startswith(BANKS))
        modelled -= sum(
            item.joules * 1e12 for item in idle if item.name.startswith(names) and not item.name.startswith(BANKS)
        )
        rows.append((name, group, f"{simulated:,.0f}", f"{modelled:,.0f}", f"{modelled / simulated - 1:+.1%}"))
        sums = [sums[0] + simulated, sums[1] + modelled]
    # What commands take is spread over the parts that see them.
    commands = (counts.commands - empty.counts.commands) * energies.command_pj
    rows.append((name, "commands, in all parts", "", f"{commands:,.0f}", ""))
    sums[1] += commands
    clock = sum(work.clock_pj.values()) * counts.cycles
    rows.append((name, "all of these", f"{sums[0]:,.0f}", f"{sums[1]:,.0f}", f"{sums[1] / sums[0] - 1:+.1%}"))
    rows.append((name, "idle clock of these parts, in no figure here", f"{clock:,.0f}", "", ""))
    return rows


def toml(values: Mapping[str, float | int], memories: Sequence[MemoryMacro], source: str) -> str:
    """Return the text of the process's file."""
    lines = ["# Written by `python -m benchmarks.event_energy`; do not edit.", f'source = "{source}"']
    lines += [f"{name} = {value if isinstance(value, int) else f'{value:.4g}'}" for name, value in values.items()]
    for each in memories:
        lines += ["", "[[memories]]", f'name = "{each.name}"']
        lines += [f"{name} = {getattr(each, name):g}" for name in ("words", "bits", "read_pj", "write_pj")]
    return "\n".join(lines) + "\n"


def cells(config: AcceleratorConfig, library: Library, without: Sequence[str] = ()) -> CellsSuite:
    """Return an accelerator whose parts, but for some, are cells of a library."""
    parts = tuple(part for part in PARTS if part not in without)
    return CellsSuite(
        config=config, memory_bytes=Areas(config).memory_bytes, library=library, parts=parts
    )  # fmt: skip


def main() -> None:
    """Measure everything and write the file of the process and the page."""
    process, tools = PROCESSES[PROCESS], find_synthesis_tools()
    if not process.complete:
        sys.exit(f"{PROCESS}: {len(process.files)} of {process.count} liberty files are here; from {process.source}")
    if not tools.sta:
        sys.exit("OpenSTA is not installed; `tilewright doctor` says how to get it")
    library, sta = read_library(process.files), tools.sta
    versions = f"{tools.yosys.name} {tools.yosys.version}, {sta.name} {sta.version}"
    programs = energy_programs(FITTED)
    fit = fitted(FITTED, programs, measured(cells(FITTED, library, CONTROL), sta, programs))
    values = coefficients(FITTED, fit)
    memories = memory_macros(process)
    source = f"measured in {PROCESS} with {versions}; docs/event-energy.md"
    energies = EventEnergies.model_validate({**values, "source": source, "memories": tuple(memories)})
    write_text(process_file(PROCESS, "energy.toml"), toml(values, memories, source))
    rows = [
        row
        for name, config in HELD_OUT.items()
        for row in held_out_rows(
            name, cells(config, library, CONTROL if config is FITTED else (*CONTROL, *VECTOR)), sta, energies
        )
    ]
    parts = {
        "process": PROCESS,
        "versions": versions,
        "about": f"{PROCESS}, {process.about}, {library.voltage_v:g} V, {library.temperature_c:g} °C",
        "shape": shape(FITTED),
        "energies": markdown_table(("figure", ">value", "meaning"), energy_rows(values)),
        "words": f"{memories[0].words}",
        "memories": markdown_table(
            ("memory", ">words", ">bits", ">read, pJ", ">write, pJ"),
            [(m.name, f"{m.words}", f"{m.bits}", f"{m.read_pj:.3g}", f"{m.write_pj:.3g}") for m in memories],
        ),
        "tiny": shape(TINY),
        "two_tiles": shape(TWO_TILES),
        "layer": f"{LAYER.hidden_size} to {LAYER.intermediate_size} elements, two tokens",
        "held_out": markdown_table(
            ("accelerator", "parts", ">cells, pJ", ">model, pJ", ">error"),
            rows,
        ),
    }
    write_text(PAGE, filled(TEMPLATE, parts))


def shape(config: AcceleratorConfig) -> str:
    """Return the structure of an accelerator in words."""
    tile = config.cim.tile
    macro = tile.macro
    tiles = "one tile" if config.cim.tiles == 1 else f"{config.cim.tiles} tiles"
    return (
        f"{tiles} of {tile.rows} x {tile.columns} weights, {macro.weights.label}, inputs of {macro.input_bits} bits, "
        f"{macro.input_bits_per_cycle} a cycle; {config.vector.lanes} lanes; a bus of {config.bus_bits} bits; a weight "
        f"buffer of {config.weight_buffer_beats} beats; {tile.accumulator_vectors} vectors of accumulators; queues of "
        f"{config.queue_depth} commands"
    )


def energy_rows(values: Mapping[str, float | int]) -> list[tuple[str, str, str]]:
    """Return the figures with their meanings."""
    about = {
        name: " ".join((field.description or "").rstrip(".").split())
        for name, field in EventEnergies.model_fields.items()
    }
    return [(f"`{name}`", f"{value:.3g}", about[name]) for name, value in values.items()]


if __name__ == "__main__":
    main()
