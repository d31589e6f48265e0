"""Events on chip that follow from a program's commands alone, whatever the timing of memory."""

from collections.abc import Callable, Iterator, Sequence

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.energy.events import Counts
from tilewright.sim.isa.commands import (
    UNIT_COMMANDS,
    Command,
    End,
    Load,
    Loop,
    Product,
    Repeat,
    Store,
    UnitCommand,
    Vector,
    Weights,
)
from tilewright.sim.isa.vector_command import Function, Reduce
from tilewright.sim.machine.accelerator.product import product_beats
from tilewright.sim.machine.cim.array import block_limits


def executions(commands: Sequence[Command]) -> Iterator[tuple[UnitCommand, int]]:
    """Yield the commands of units with the number of times that a program executes each; END is outside of loops."""
    times = [1]
    for command in commands:
        if isinstance(command, Loop):
            times.append(times[-1] * command.count)
        elif isinstance(command, Repeat):
            times.pop()
        elif isinstance(command, End):
            assert len(times) == 1, "END in a loop"
            return
        elif isinstance(command, UNIT_COMMANDS):
            yield command, times[-1]


def count_command(config: AcceleratorConfig, command: UnitCommand, times: int, counts: Counts) -> None:
    """Add the events of a command, executed a number of times, to counts; jobs of the NPE have none here."""
    count = _COUNTED.get(type(command))
    if count is not None:
        count(config, command, times, counts)


def fetched_commands(config: AcceleratorConfig, counts: Counts, read_beats: int) -> int:
    """Return how many commands a program fetched: beats that were read for neither scratchpad nor weight buffer."""
    return (read_beats - counts.load_beats - counts.weight_beats_in) // config.command_beats


def _load(config: AcceleratorConfig, command: Load, times: int, counts: Counts) -> None:
    beats = times * command.all_beats
    counts.load_beats += beats
    counts.scratchpad_writes += beats


def _weights(config: AcceleratorConfig, command: Weights, times: int, counts: Counts) -> None:
    counts.weight_beats_in += times * command.all_beats


def _product(config: AcceleratorConfig, command: Product, times: int, counts: Counts) -> None:
    tile = config.cim_array.tile
    high, wide = block_limits(config.cim_array, command.reduce)
    vectors, k, n = times * command.vectors, command.k, command.n
    full, last = divmod(k - 1, high)
    blocks, narrow = divmod(n - 1, wide)
    words = vectors * (blocks + 1) * (full * tile.activation_beats(high) + tile.activation_beats(last + 1))
    results = vectors * (blocks * tile.result_beats(wide) + tile.result_beats(narrow + 1))
    counts.macs += vectors * k * n
    counts.weight_bits += times * k * n * tile.macro.weight_bits
    counts.activation_bits += vectors * ((blocks + 1) * k * tile.macro.input_bits + n * tile.accumulator_bits)
    counts.weight_beats_out += times * product_beats(config, command)
    counts.array_vectors += vectors * (blocks + 1) * (full + 1)
    counts.driven_products += vectors * (blocks + 1) * k * wide
    macros = full * divide_up(high, tile.macro.rows) + divide_up(last + 1, tile.macro.rows)
    counts.driven_sums += vectors * (blocks + 1) * macros * wide
    counts.input_words += words
    counts.column_sums += vectors * (full + 1) * n
    counts.partial_sums += vectors * full * n
    counts.result_words += results
    counts.scratchpad_reads += words
    counts.scratchpad_writes += results


def _vector(config: AcceleratorConfig, command: Vector, times: int, counts: Counts) -> None:
    run, lanes = command.command, config.vector.lanes
    rows = times * run.rows
    steps = rows * divide_up(run.columns, lanes)
    slots = steps * lanes
    counts.vector_elements += rows * run.columns
    counts.lane_passes += times * lanes
    counts.vector_slots += slots
    counts.scratchpad_reads += steps * (1 + (run.b is not None) + (run.c is not None))
    if run.add is not None:
        counts.vector_adds += slots
    if run.multiply is not None:
        counts.vector_multiplies += slots
    if run.function is Function.EXP:
        counts.vector_exponentials += slots
    elif run.function in (Function.SILU, Function.GELU):
        counts.vector_gates += slots
    if run.square or run.b is not None:
        counts.vector_products += slots
    if run.c is not None:
        counts.vector_offsets += slots
    if run.reduce is Reduce.SUM:
        counts.vector_sums += slots
    elif run.reduce:
        counts.vector_maxima += slots
    if run.reduce:
        counts.reductions += times
        counts.row_scalars += rows
    if run.d is not None:
        counts.scratchpad_writes += steps


def _store(config: AcceleratorConfig, command: Store, times: int, counts: Counts) -> None:
    elements = times * command.planes * command.rows * command.count
    counts.stored_elements += elements
    counts.scratchpad_reads += elements


_COUNTED: dict[type, Callable[..., None]] = {
    Load: _load,
    Weights: _weights,
    Product: _product,
    Vector: _vector,
    Store: _store,
}
