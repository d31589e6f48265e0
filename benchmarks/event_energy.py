"""Measures what each event on chip takes in an open process, from programs on an accelerator of cells.

Writes ``energy.toml`` of the process, which ``sim.energy`` reads, and docs/event-energy.md. Takes an hour the first
time; netlists, Verilated models and measured runs are kept. Needs OpenSTA, and the liberty files of the process, see
:mod:`.open_processes`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from benchmarks.open_processes import Process, complete_process, timing_analyser
from benchmarks.pages import filled
from tilewright.base.cache import remember
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tools import Tool, find_synthesis_tools
from tilewright.bench.random_programs import Areas
from tilewright.cocotb_tests.accelerator.cells import PARTS, CellsSuite, Work
from tilewright.cocotb_tests.accelerator.energy_programs import EnergyProgram, case_counts, energy_programs
from tilewright.cocotb_tests.accelerator.layer_cases import network_case
from tilewright.cocotb_tests.accelerator.suite import configuration
from tilewright.hw.synth.clock_gates import gate_counts
from tilewright.hw.synth.instances import instances
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.work_power import SCRIPT
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.event_energies import EventEnergies, MemoryMacro
from tilewright.sim.config.process import process_file
from tilewright.sim.energy.area import load_area_model
from tilewright.sim.energy.events import Counts
from tilewright.sim.energy.on_chip import BANKS, on_chip

PROCESS = "SG13G2"
PAGE = Path(__file__).parents[1] / "docs" / "event-energy.md"
TEMPLATE = Path(__file__).with_suffix(".md")
ACCELERATORS: Mapping[str, AcceleratorConfig] = {
    "one tile": configuration(
        lanes=2, bank_address_bits=8, bus_bits=32, banks=4, outstanding=2, max_burst=16, weight_buffer_beats=32,
        queue_depth=2, fetch_depth=2, tile={"accumulator_vectors": 4, "activation_bus_bits": 32},
        macro={"rows": 8, "columns": 8, "weight_bits": 4, "input_bits_per_cycle": 2},
    ),
    "INT8 weights": configuration(
        lanes=2, bank_address_bits=8, bus_bits=32, banks=4, outstanding=2, max_burst=16, weight_buffer_beats=32,
        queue_depth=2, fetch_depth=2, tile={"accumulator_vectors": 4, "activation_bus_bits": 32},
        macro={"rows": 8, "columns": 8, "weight_bits": 8, "input_bits_per_cycle": 2},
    ),
    "two tiles": configuration(
        lanes=4, bank_address_bits=8, bus_bits=32, banks=4, outstanding=2, max_burst=16, weight_buffer_beats=32,
        queue_depth=2, fetch_depth=2, tiles=2, tile={"accumulator_vectors": 8, "activation_bus_bits": 32},
        macro={"rows": 16, "columns": 8, "weight_bits": 4, "input_bits_per_cycle": 2},
    ),
    "32 rows": configuration(
        lanes=2, bank_address_bits=9, bus_bits=64, banks=4, outstanding=4, max_burst=16, weight_buffer_beats=32,
        queue_depth=2, fetch_depth=2, tile={"accumulator_vectors": 4, "activation_bus_bits": 32},
        macro={"rows": 32, "columns": 16, "weight_bits": 4, "input_bits_per_cycle": 4},
    ),
    "eight lanes": configuration(
        lanes=8, bank_address_bits=8, bus_bits=64, banks=4, outstanding=2, max_burst=16, weight_buffer_beats=32,
        queue_depth=2, fetch_depth=2, tile={"accumulator_vectors": 4, "activation_bus_bits": 64},
        macro={"rows": 16, "columns": 16, "weight_bits": 4, "input_bits_per_cycle": 1},
    ),
    "FP4 weights": configuration(
        lanes=4, bank_address_bits=8, bus_bits=32, banks=4, outstanding=2, max_burst=16, weight_buffer_beats=32,
        queue_depth=2, fetch_depth=2, tile={"accumulator_vectors": 4, "activation_bus_bits": 32},
        macro={
            "rows": 16, "columns": 8, "weight_bits": 4, "weight_format": "fp4_e2m1", "input_bits_per_cycle": 2
        },
    ),
    "two tiles of 32 x 32": configuration(
        lanes=4, bank_address_bits=9, bus_bits=64, banks=4, outstanding=4, max_burst=16, weight_buffer_beats=32,
        queue_depth=2, fetch_depth=2, tiles=2, tile={"accumulator_vectors": 8},
        macro={"rows": 32, "columns": 32, "weight_bits": 4, "input_bits_per_cycle": 2},
    ),
}  # fmt: skip
"""Accelerators of cells, by their names in the page."""
FIT = ("one tile",)
"""Those on which the energies are measured; on all accelerators, the model is held against the cells in another
program."""
FITTED = ACCELERATORS[FIT[0]]
LAYER = LlamaConfig(
    vocab_size=256, num_hidden_layers=1, hidden_size=32, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
    intermediate_size=64,
)  # fmt: skip
"""Shape whose gated network, of two tokens, runs on them."""
CONTROL = ("processor", "scheduler")
"""Parts that are cells in the first accelerator alone: they take as long to synthesise as most others together."""
VECTOR = ("vector", "lane", "reducer", "scalars")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "reader": ("read_pj_per_bit",),
    "load": ("load_pj_per_bit", "weight_load_pj_per_bit", "command_pj"),
    "weight buffer": ("queue_pj_per_bit",),
    "store": ("store_pj_per_element", "store_pj_per_bit", "command_pj"),
    "scratchpad": ("scratchpad_read_pj_per_bit", "scratchpad_write_pj_per_bit"),
    "array": ("vector_pj_per_bit", "result_pj_per_bit", "weight_write_pj_per_bit", "command_pj"),
    "weight loader": ("weight_write_pj_per_bit",),
    "input buffer": ("input_pj_per_bit", "vector_pj_per_bit"),
    "macro": ("product_pj_per_bit_pair", "column_pj_per_bit_pair", "weight_row_pj_per_bit"),
    "accumulators": ("sum_pj", "partial_sum_pj"),
    "result buffer": ("result_pj_per_bit",),
    "vector": ("element_pj", "command_pj"),
    "lane": (
        "lane_pass_pj", "element_pj", "add_pj", "multiply_pj", "exponential_pj", "gate_pj", "product_pj", "offset_pj",
    ),
    "reducer": ("element_pj", "row_sum_pj", "row_maximum_pj", "reduction_pj"),
    "scalars": ("element_pj", "row_sum_pj", "row_maximum_pj", "reduction_pj", "row_scalar_pj"),
    "processor": ("command_pj",),
    "scheduler": ("command_pj",),
}  # fmt: skip
"""Energies of the model to which the energy of each part above that of its idle clock is put down."""
GROUPS: Mapping[str, tuple[str, ...]] = {
    "reads and loads": ("reader", "load", "weight buffer"),
    "stores": ("store",),
    "scratchpad, without banks": ("scratchpad",),
    "CIM array": ("array", "weight loader", "input buffer", "macro", "accumulators", "result buffer"),
    "vector unit": VECTOR,
    "command processor": CONTROL,
}
"""Parts that the page holds against the model together."""
SHAPE = {"queue_words": FITTED.weight_buffer_beats, "partial_sum_words": FITTED.cim_array.tile.accumulator_vectors}
"""Sizes of the buffers of flip-flops to which two energies belong."""
NO_MEMORY = MemoryMacro(name="none", words=1 << 30, bits=1, read_pj=0, write_pj=0)
"""Memory that no buffer is large enough for."""

Fit = Mapping[str, Mapping[str, float]]
"""What each part contributes to each energy of the model."""


@dataclass(frozen=True)
class Measurement:
    """Programs that an accelerator ran, and the energy of its parts in each; the first one has no event of its own."""

    config: AcceleratorConfig
    counts: Sequence[Counts]
    works: Sequence[Work]


def measured(suite: CellsSuite, sta: Tool, programs: Sequence[EnergyProgram]) -> list[Work]:
    """Return the energy of each part in each program, from the cache if it is there."""
    netlists = [netlist.cells for netlist in suite.netlists.values()]
    memory = [program.case.memory.tobytes().hex() for program in programs]
    key = [SCRIPT, *netlists, suite.library.digest, sta.version, repr(suite.config), *memory]

    def make() -> dict:
        return {"works": [asdict(work) for work in suite.work(sta, [program.case for program in programs])]}

    return [Work(**work) for work in remember("energy")(key, make)["works"]]


def measurement(suite: CellsSuite, sta: Tool) -> Measurement:
    """Return what the programs of an accelerator took."""
    programs = energy_programs(suite.config)
    return Measurement(suite.config, [each.counts for each in programs], measured(suite, sta, programs))


def without(config: AcceleratorConfig) -> tuple[str, ...]:
    """Return the parts of an accelerator that stay RTL: all of the control but the first one's."""
    return () if config is FITTED else CONTROL


def energies_of(values: Mapping[str, float], **about: object) -> EventEnergies:
    """Return the energies of the model, those that are not stated being zero."""
    names = {name for fields in FIELDS.values() for name in fields}
    return EventEnergies.model_validate(
        {"source": "fit", "memories": (NO_MEMORY,), **SHAPE, **dict.fromkeys(names, 0.0), **values, **about}
    )


def amount(config: AcceleratorConfig, counts: Counts, field: str) -> float:
    """Return by how many pJ the events of a run would take more if an energy of the model were one pJ more."""
    items = on_chip(counts, config, energies_of({field: 1.0}))
    return sum(item.joules * 1e12 for item in items if not item.name.startswith(BANKS))


def fitted(measurements: Sequence[Measurement]) -> Fit:
    """Return what each part contributes: the least squares of what programs take above the first one."""
    found = {}
    for part, names in FIELDS.items():
        rows, energies = [], []
        for each in measurements:
            if part not in each.works[0].event_pj:
                continue
            nothing = [amount(each.config, each.counts[0], name) for name in names]
            above = [work.event_pj[part] - each.works[0].event_pj[part] for work in each.works[1:]]
            for counts, pj in zip(each.counts[1:], above, strict=True):
                # Relative differences count, of small energies those to a twentieth of the largest one.
                weight = 1 / (abs(pj) + max(map(abs, above)) / 20)
                amounts = (amount(each.config, counts, name) for name in names)
                rows.append([(more - less) * weight for more, less in zip(amounts, nothing, strict=True)])
                energies.append(pj * weight)
        values, _ = nnls(np.array(rows), np.array(energies))
        found[part] = dict(zip(names, map(float, values), strict=True))
    return found


def coefficients(fit: Fit) -> dict[str, float | int]:
    """Return the energies of the model: the sums over the parts."""
    values: dict[str, float | int] = {
        name: sum(each.get(name, 0.0) for each in fit.values())
        for name in EventEnergies.model_fields
        if any(name in each for each in fit.values())
    }
    return {name: {**values, **SHAPE}[name] for name in EventEnergies.model_fields if name in {**values, **SHAPE}}


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


def held_out_rows(name: str, suite: CellsSuite, sta: Tool, fit: Fit) -> tuple[list[tuple[str, ...]], float, Work]:
    """Return the rows of a run of a layer, the error of its energy above the idle clock, and the energies of its parts.

    What the model says is of the same parts.
    """
    config = suite.config
    case = network_case(config, LAYER, tokens=2)
    counts = case_counts(config, case)
    empty = energy_programs(config)[0]
    # Values of registers that no reset reaches come from the first program; the empty one in between ends the layer's.
    _, work, nothing = measured(suite, sta, [empty, EnergyProgram(name, case, counts), empty])
    rows, sums = [], [0.0, 0.0]
    for group, parts in GROUPS.items():
        inside = [part for part in parts if part in suite.parts]
        if not inside:
            continue
        simulated = sum(work.event_pj[part] - nothing.event_pj[part] for part in inside)
        modelled = sum(
            pj * (amount(config, counts, field) - amount(config, empty.counts, field))
            for part in inside
            for field, pj in fit[part].items()
        )
        rows.append((name, group, f"{simulated:,.0f}", f"{modelled:,.0f}", f"{modelled / simulated - 1:+.1%}"))
        sums = [sums[0] + simulated, sums[1] + modelled]
    error = sums[1] / sums[0] - 1
    rows.append((name, "all of these", f"{sums[0]:,.0f}", f"{sums[1]:,.0f}", f"{error:+.1%}"))
    return rows, error, work


def flip_flops(suite: CellsSuite, part: str) -> int:
    """Return the number of flip-flops of one instance of a part."""
    cells = instances(suite.netlists[part].cells)
    return sum(suite.library.cells[each.cell].is_flip_flop for each in cells)


def clock_rows(suite: CellsSuite, work: Work, flip_flop_pj: float) -> list[tuple[str, ...]]:
    """Return the clock of each group of parts in a run, without clock gates and with them."""
    gate = suite.library.clock_gate
    assert gate is not None
    instances_of_part = Counter(part for part, _ in suite.instances())
    rows, sums = [], [0.0] * 6
    for group, parts in GROUPS.items():
        found = [0.0] * 6
        for part in parts:
            if part not in suite.parts:
                continue
            count = instances_of_part[part]
            gates = gate_counts(suite.netlists[part].netlist, gate)
            all_ = count * flip_flops(suite, part)
            figures = (
                all_, count * gates.flip_flops, count * gates.gates, all_ * flip_flop_pj,
                work.clock_pj[part], work.clock_pj[part] + work.gated_pj[part] / work.cycles,
            )  # fmt: skip
            found = [one + more for one, more in zip(found, figures, strict=True)]
        sums = [one + more for one, more in zip(sums, found, strict=True)]
        if found[0]:
            rows.append((group, *_clock_cells(found)))
    return [*rows, ("all of these", *_clock_cells(sums))]


def _clock_cells(found: Sequence[float]) -> list[str]:
    return [f"{value:,.0f}" for value in found[:3]] + [f"{value:,.1f}" for value in found[3:]]


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
    process, tools = complete_process(PROCESS), find_synthesis_tools()
    library, sta = read_library(process.files), timing_analyser(tools)
    versions = f"{tools.yosys.name} {tools.yosys.version}, {sta.name} {sta.version}"
    suites = {name: cells(config, library, without(config)) for name, config in ACCELERATORS.items()}
    measurements = [measurement(suites[name], sta) for name in FIT]
    fit = fitted(measurements)
    values = coefficients(fit)
    memories = memory_macros(process)
    source = f"measured in {PROCESS} with {versions}; docs/event-energy.md"
    energies_of(values, source=source, memories=tuple(memories))
    write_text(process_file(PROCESS, "energy.toml"), toml(values, memories, source))
    rows, errors, works = [], {}, {}
    for name, suite in suites.items():
        found, errors[name], works[name] = held_out_rows(name, suite, sta, fit)
        rows += found
    first = suites[FIT[0]]
    flip_flop_pj = load_area_model(PROCESS).clock_pj
    parts = {
        "process": PROCESS,
        "versions": versions,
        "about": f"{PROCESS}, {process.about}, {library.voltage_v:g} V, {library.temperature_c:g} °C",
        "shapes": markdown_table(
            ("accelerator", "structure", "measured"),
            [(name, shape(config), "yes" if name in FIT else "no") for name, config in ACCELERATORS.items()],
        ),
        "energies": markdown_table(("figure", ">value", "meaning"), energy_rows(values)),
        "words": f"{memories[0].words}",
        "memories": markdown_table(
            ("memory", ">words", ">bits", ">read, pJ", ">write, pJ"),
            [(m.name, f"{m.words}", f"{m.bits}", f"{m.read_pj:.3g}", f"{m.write_pj:.3g}") for m in memories],
        ),
        "clock": markdown_table(
            (
                "parts",
                ">flip-flops",
                ">with a gate",
                ">gates",
                ">without gates, pJ a cycle",
                ">idle, pJ a cycle",
                ">in the layer, pJ a cycle",
            ),
            clock_rows(first, works[FIT[0]], flip_flop_pj),
        ),
        "first": FIT[0],
        "flip_flop": f"{flip_flop_pj:.3g}",
        "lane": f"{flip_flops(first, 'lane'):,}",
        "worst": f"{max(abs(error) for error in errors.values()):.1%}",
        "layer": f"{LAYER.hidden_size} to {LAYER.intermediate_size} elements, two tokens",
        "held_out": markdown_table(
            ("accelerator", "parts", ">cells, pJ", ">model, pJ", ">error"),
            rows,
        ),
    }
    write_text(PAGE, filled(TEMPLATE, parts))


def shape(config: AcceleratorConfig) -> str:
    """Return the structure of an accelerator in words."""
    tile = config.cim_array.tile
    macro = tile.macro
    tiles = "one tile" if config.cim_array.tiles == 1 else f"{config.cim_array.tiles} tiles"
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
