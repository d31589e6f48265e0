"""Arithmetic units with streams at their edges and pipeline registers where their parts meet."""

import itertools
from dataclasses import fields, is_dataclass
from typing import Any

from amaranth.hdl import Const, Module, ShapeLike, Signal, Value, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Unit(wiring.Component):
    """A function of its operands, computed at once or through a pipeline.

    Throughput: one result a cycle. Latency: ``LATENCY`` cycles, the number of pipeline registers; with none, the unit
    is combinational. Back-pressure: a stage waits only if the one behind it is full and waits, so that gaps close.

    Parameters
    ----------
    i_shape, o_shape : ShapeLike
        Shapes of the operands and of the results.
    stages : int
        Pipeline registers, at most the number of ``CUTS``: the first so many of them.
    back_pressure : bool
        Without it ``o.ready`` and ``i.ready`` are constantly 1, and registers need no enable.

    Members
    -------
    i : In(stream)
        Operands.
    o : Out(stream)
        Results.

    Raises
    ------
    ValueError
        If there are not so many stages.
    """

    CUTS: tuple[str, ...] = ()
    """Names of the places for pipeline registers, the most useful first."""
    ALWAYS: tuple[str, ...] = ()
    """Names of the places that always have a register, such as the sum of a unit that accumulates."""

    def __init__(self, i_shape: ShapeLike, o_shape: ShapeLike, *, stages: int = 0, back_pressure: bool = True):
        if not 0 <= stages <= len(self.CUTS):
            raise ValueError(f"stages = {stages} is not allowed: it must be 0 to {len(self.CUTS)}")
        self.stages = stages
        always_ready = not back_pressure
        super().__init__(
            {
                "i": In(stream.Signature(i_shape, always_ready=always_ready)),
                "o": Out(stream.Signature(o_shape, always_ready=always_ready)),
            }
        )

    @property
    def LATENCY(self) -> int:  # noqa: N802 - a constant of the component
        """Cycles from the cycle in which operands are taken (the last ones of a sum) to the cycle in which the result
        is offered."""
        return self.stages + len(self.ALWAYS)

    def pipeline(self, m: Module) -> "Pipeline":
        """Return the pipeline between the unit's streams."""
        return Pipeline(m, self.i, self.o, (*self.CUTS[: self.stages], *self.ALWAYS))


class Pipeline:
    """Registers between two streams: each call of :meth:`cut` is a place for a register, and :meth:`end` is the last.

    Parameters
    ----------
    m : Module
        Module that gets the registers.
    source, sink : stream interfaces
        The source's payload is what the first part computes on.
    cuts : collection of str
        The places that get a register.
    """

    def __init__(self, m: Module, source, sink, cuts: tuple[str, ...]):
        self._m = m
        self._sink = sink
        self._cuts = cuts
        self.valid: Value = source.valid
        """Flag: the values at the current place are valid."""
        self._ready = Signal(name="source_ready")
        if not isinstance(source.ready, Const):
            m.d.comb += source.ready.eq(self._ready)
        self._stalls = not isinstance(sink.ready, Const)

    @property
    def ready(self) -> Value:
        """Flag: the values at the current place can move on in this cycle."""
        return self._ready if self._stalls else Const(1)

    @property
    def moves(self) -> Value:
        """Flag: the values at the current place are valid and move on in this cycle."""
        return self.valid & self.ready

    def cut(self, name: str, *values: ValueLike | Any) -> Any:
        """Return values as they are after this place: one cycle later if the place has a register.

        A value is a signal, a record (a dataclass of values) or a list of values; one alone comes back alone.
        """
        if name not in self._cuts:
            return values[0] if len(values) == 1 else values
        m = self._m
        valid, ready = Signal(name=f"{name}_valid"), Signal(name=f"{name}_ready")
        m.d.comb += self._ready.eq(ready | ~valid if self._stalls else 1)
        move = self._ready if self._stalls else Const(1)
        count = itertools.count()

        def register(value: Any) -> Any:
            if is_dataclass(value) and not isinstance(value, type):
                return type(value)(**{field.name: register(getattr(value, field.name)) for field in fields(value)})
            if isinstance(value, int):
                return value
            if isinstance(value, list):
                return [register(part) for part in value]
            value = Value.cast(value)
            if isinstance(value, Const):
                return value
            later = Signal(value.shape(), name=f"{name}_{next(count)}", reset_less=True)
            with m.If(move):
                m.d.sync += later.eq(value)
            return later

        later = tuple(register(value) for value in values)
        with m.If(move):
            m.d.sync += valid.eq(self.valid)
        self.valid, self._ready = valid, ready
        return later[0] if len(later) == 1 else later

    def keep(self, when: ValueLike) -> None:
        """Continue with the values at the current place only if ``when`` is set; otherwise they are dropped."""
        when, ready = Value.cast(when), Signal(name="kept_ready")
        self._m.d.comb += self._ready.eq(ready | ~when)
        self.valid, self._ready = self.valid & when, ready

    def end(self, result: ValueLike | None = None, *, when: ValueLike = 1) -> None:
        """Give the result to the sink; without a result, the sink's payload must already be driven.

        Unless ``when`` is set nothing is given, and the values at the current place are dropped.
        """
        when = Value.cast(when)
        m, sink = self._m, self._sink
        m.d.comb += [sink.valid.eq(self.valid & when), self._ready.eq(sink.ready | ~when)]
        if result is not None:
            m.d.comb += Value.cast(sink.p).eq(result)
