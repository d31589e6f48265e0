"""Random jobs of the co-processor for programs of the accelerator."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tilewright.sim.config.npe import RECORD_BYTES, NpeConfig
from tilewright.sim.config.program import UNIT_COMMANDS, Command, Jobs, Loop, Repeat, Unit, Units
from tilewright.sim.machine.npe_descriptor import Activation, Along, Descriptor

MOST_ROWS, MOST_K = 10, 60
"""Of a random job."""


def random_descriptor(config: NpeConfig, rng: np.random.Generator, begin: int, end: int) -> Descriptor:
    """Return a job all of whose matrices lie apart in some bytes of memory, whatever these hold."""
    beat, align = config.bus_bytes, config.record_alignment

    def upto(most: int, least: int = 1) -> int:
        return int(rng.integers(least, most + 1))

    def maybe(share: float = 0.5) -> bool:
        return bool(rng.random() < share)

    modes = config.modes
    mode, out, residual_format = (modes[int(rng.integers(len(modes)))] for _ in range(3))
    while True:
        m, n, k = upto(MOST_ROWS), upto(MOST_ROWS), upto(MOST_K)
        transpose, residual, reduces = maybe(0.3), maybe(0.4), maybe(0.4)
        scale, bias = (Along(upto(2, 0)) for _ in range(2))
        lines, places = (n, m) if transpose else (m, n)
        rows = {
            "a": (m, k * mode.bits),
            "b": (n, k * mode.bits),
            "c": (lines, places * out.bits),
            "residual": (m if residual else 0, n * residual_format.bits),
        }
        strides = {
            name: (-(-bits // (8 * beat)) + (0 if maybe() else upto(2))) * beat for name, (_, bits) in rows.items()
        }
        sizes = {name: count * strides[name] for name, (count, _) in rows.items()}
        for name, along in (("scale", scale), ("bias", bias)):
            sizes[name] = 4 * (0, m, n)[along]
        sizes["reductions"] = RECORD_BYTES * m if reduces else 0
        room = {name: -(-size // align) * align for name, size in sizes.items()}
        left = (end - end % align) - -(-begin // align) * align - sum(room.values())
        if left >= 0:
            break
    place = -(-begin // align) * align + upto(left // align, 0) * align
    addresses = {}
    for name in rng.permutation(list(room)):
        addresses[str(name)] = place
        place += room[name]
    return Descriptor(
        mode=mode, out_format=out, residual_format=residual_format,
        activation=Activation(upto(3, 0)), scale=scale, bias=bias, residual=int(residual), transpose=int(transpose),
        sum=int(reduces), squares=int(reduces and maybe()), maximum=int(reduces and maybe()),
        m=m, n=n, k=k, a=addresses["a"], b=addresses["b"], c=addresses["c"], scale_address=addresses["scale"],
        bias_address=addresses["bias"], residual_address=addresses["residual"], reductions=addresses["reductions"],
        a_stride=strides["a"], b_stride=strides["b"], c_stride=strides["c"], residual_stride=strides["residual"],
    )  # fmt: skip


def beside(commands: Sequence[Command], jobs: Sequence[Jobs], rng: np.random.Generator) -> list[Command]:
    """Put jobs that share no memory with them between the commands of a program that has its signals, outside loops.

    Now and then a job waits for a command before it, or one behind it waits for the job, though nothing asks for it.
    """
    depth, outside = 0, []
    for place, command in enumerate(commands):
        if depth == 0:
            outside.append(place)
        depth += isinstance(command, Loop) - isinstance(command, Repeat)
    done: list[Command] = list(commands)
    free = [place for place in outside if isinstance(done[place], UNIT_COMMANDS)]
    inserts: dict[int, list[Jobs]] = {}
    for place, job in zip(sorted(int(each) for each in rng.choice(outside, len(jobs))), jobs, strict=True):
        added = job
        before, behind = [each for each in free if each < place], [each for each in free if each >= place]
        # Signals to and from a unit are taken in the order in which they are given, if both are in that of the program.
        # Loads do not wait for jobs: a product that has begun may be in want of weights behind them.
        behind = [each for each in behind if getattr(done[each], "UNIT", None) is not Unit.LOAD]
        for others, given in ((before[-4:], True), (behind[:4], False)):
            if not others or rng.random() < 0.4:
                continue
            other = int(rng.choice(others))
            command = done[other]
            assert isinstance(command, UNIT_COMMANDS)
            field, own = ("signal", "wait") if given else ("wait", "signal")
            if getattr(command, field) & Units.NPE:
                continue
            done[other] = replace(command, **{field: getattr(command, field) | Units.NPE})
            added = replace(added, **{own: getattr(added, own) | Units(1 << command.UNIT)})
        inserts.setdefault(place, []).append(added)
    return [each for place, command in enumerate(done) for each in (*inserts.get(place, ()), command)]
