"""Random jobs of the NPE for programs of the accelerator."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import INTEGER_MODES, ResultFormat, SumFormat
from tilewright.sim.isa.commands import UNIT_COMMANDS, Command, Jobs, Loop, Product, Repeat, UnitCommand, Weights
from tilewright.sim.isa.descriptor import Activation, Along, Descriptor
from tilewright.sim.isa.units import Unit, Units
from tilewright.sim.isa.widths import RECORD_BYTES
from tilewright.sim.machine.accelerator.product import product_beats

MOST_ROWS, MOST_K = 10, 60
"""Maximum dimensions of a random job."""


def random_descriptor(config: NpeConfig, rng: np.random.Generator, begin: int, end: int) -> Descriptor:
    """Return a job whose matrices lie apart in some bytes of memory, whatever these bytes hold."""
    beat, align = config.bus_bytes, config.record_alignment

    def upto(most: int, least: int = 1) -> int:
        return int(rng.integers(least, most + 1))

    def maybe(share: float = 0.5) -> bool:
        return bool(rng.random() < share)

    modes = config.modes
    mode, out, residual_format = (modes[int(rng.integers(len(modes)))] for _ in range(3))
    exact = mode in INTEGER_MODES and maybe(0.3)
    result: ResultFormat = SumFormat.INT32 if exact else SumFormat.FP32 if maybe(0.2) else out
    while True:
        m, n, k = upto(MOST_ROWS), upto(MOST_ROWS), upto(MOST_K)
        transpose, residual, reduces = maybe(0.3), maybe(0.4) and not exact, maybe(0.4) and not exact
        scale, bias = (Along(0 if exact else upto(2, 0)) for _ in range(2))
        lines, places = (n, m) if transpose else (m, n)
        rows = {
            "a": (m, k * mode.bits),
            "b": (n, k * mode.bits),
            "c": (lines, places * result.bits),
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
        mode=mode, out_format=result, residual_format=residual_format,
        activation=Activation(0 if exact else upto(3, 0)), scale=scale, bias=bias, residual=int(residual),
        transpose=int(transpose),
        sum=int(reduces), squares=int(reduces and maybe()), maximum=int(reduces and maybe()),
        m=m, n=n, k=k, a=addresses["a"], b=addresses["b"], c=addresses["c"], scale_address=addresses["scale"],
        bias_address=addresses["bias"], residual_address=addresses["residual"], reductions=addresses["reductions"],
        a_stride=strides["a"], b_stride=strides["b"], c_stride=strides["c"], residual_stride=strides["residual"],
    )  # fmt: skip


def beside(
    config: AcceleratorConfig, commands: Sequence[Command], jobs: Sequence[Jobs], rng: np.random.Generator
) -> list[Command]:
    """Put jobs that share no memory with a program between its commands, outside loops; the program has its signals.

    Now and then a command behind a job waits for it, though nothing asks for it. Not the other way round: jobs for
    which weights wait would, unknown to ``synchronise``, wait for a command whose ports the product of these holds.
    """
    done = list(commands)
    for job in jobs:
        place = int(rng.choice(_outside_loops(done)))
        done.insert(place, job)
        free = [at for at in _outside_loops(done) if isinstance(done[at], UNIT_COMMANDS) and at != place]
        # Loads do not wait for jobs: a product that has begun may be in want of weights behind them.
        behind = [at for at in free if at > place and getattr(done[at], "UNIT", None) is not Unit.LOAD]
        quiet = _without_weights(config, done)
        if behind and rng.random() < 0.6:
            taker = int(rng.choice(behind[:4]))
            # Weights may not end before their product: it must not wait for what waits for them.
            if all(quiet[place : taker + 1]):
                _signalled(done, place, taker)
    return done


def _without_weights(config: AcceleratorConfig, commands: Sequence[Command]) -> list[bool]:
    """Return for each place whether no weights wait there for a product."""
    waiting, quiet = 0, []
    for command in commands:
        quiet.append(waiting == 0)
        if isinstance(command, Weights):
            waiting += command.all_beats
        elif isinstance(command, Product):
            waiting -= product_beats(config, command)
    return quiet


def _outside_loops(commands: Sequence[Command]) -> list[int]:
    depth, places = 0, []
    for place, command in enumerate(commands):
        if depth == 0:
            places.append(place)
        depth += isinstance(command, Loop) - isinstance(command, Repeat)
    return places


def _signalled(commands: list[Command], giver: int, taker: int) -> None:
    """Let a command of a program give a signal to a later one, if no other command takes another signal because of
    it."""
    gives, takes = commands[giver], commands[taker]
    assert isinstance(gives, UNIT_COMMANDS)
    assert isinstance(takes, UNIT_COMMANDS)
    to, of = Units(1 << takes.UNIT), Units(1 << gives.UNIT)
    # The first given is the first taken: as many of this pair of units are given before as are taken before.
    given = sum(bool(each.signal & to) for each in _of_unit(commands[:giver], gives.UNIT))
    taken = sum(bool(each.wait & of) for each in _of_unit(commands[:taker], takes.UNIT))
    if gives.UNIT is takes.UNIT or given != taken or gives.signal & to or takes.wait & of:
        return
    commands[giver] = replace(gives, signal=gives.signal | to)
    commands[taker] = replace(takes, wait=takes.wait | of)


def _of_unit(commands: Sequence[Command], unit: Unit) -> Iterator[UnitCommand]:
    return (each for each in commands if isinstance(each, UNIT_COMMANDS) and each.UNIT is unit)
