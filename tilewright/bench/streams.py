"""Drivers and monitors of streams of payload, valid and ready, with random waits.

Everything is set after a rising edge of the clock and looked at at the falling edge, when all that follows from it in
the same cycle has settled: so drivers work on paths from ready to ready, too, and under every simulator.
"""

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.task import Task
from cocotb.triggers import FallingEdge, RisingEdge

PATIENCE_CYCLES = 10_000
"""Number of cycles after which a stream on which nothing moves is given up, unless a bench says another."""

Value = int | Mapping[str, int]
"""Payload of a stream: a number, or a number for each field."""


@dataclass(frozen=True)
class Transfer:
    """A payload that was taken."""

    value: Value
    """Payload, as the driver or monitor of the stream has it."""
    cycle: int
    """Number of the cycle in which it was taken, counted from the first one of the driver or monitor."""


def fields_of(ports: Mapping[str, Any], port: str) -> dict[str, int]:
    """Return the names of a payload's fields and their widths, the lowest first.

    Parameters
    ----------
    ports : mapping
        Content of MODULE.ports.json, or ``ports`` of a generated block.
    port : str
        Name of the port, such as ``i__payload``.

    Raises
    ------
    ValueError
        If there is no such port.
    """
    for each in ports["ports"]:
        if each["name"] == port:
            return {field["name"]: field["width"] for field in each.get("fields", ())}
    raise ValueError(f"no port {port}: the ports are {', '.join(each['name'] for each in ports['ports'])}")


class Stream:
    """Ports of one stream, with the fields of its payload.

    Parameters
    ----------
    dut
        Handle of the circuit with ports ``clk``, ``NAME__payload``, ``NAME__valid`` and ``NAME__ready``. The last one
        may be missing: whatever is offered is then taken.
    name : str
        Beginning of the names of its ports.
    fields : mapping, optional
        Width of each field of the payload, the lowest first; without it, payloads are numbers.
    stall : float
        Share of the cycles, 0 to 1, in which this side of the stream waits; may be set at any time.
    rng : random.Random, optional
        Generator that chooses these cycles; by default one with a seed of its own.
    background : bool
        Whether the driver or monitor runs by itself; without it, the bench calls its ``drive`` after each rising edge
        and its ``sample`` at each falling edge.
    """

    def __init__(
        self,
        dut: Any,
        name: str,
        *,
        fields: Mapping[str, int] | None = None,
        stall: float = 0.0,
        rng: random.Random | None = None,
        background: bool = True,
    ):
        self.dut, self.name = dut, name
        self.fields = dict(fields or {})
        self.stall = stall
        self.rng = rng or random.Random(name)
        self.cycle = 0
        """Number of the present cycle."""
        self.valid = getattr(dut, f"{name}__valid")
        self.payload = getattr(dut, f"{name}__payload")
        self.ready = getattr(dut, f"{name}__ready", None)
        self._task: Task[None] | None = cocotb.start_soon(self._run()) if background else None

    def drive(self) -> None:
        """Set this side's signals for a cycle."""

    def sample(self) -> None:
        """Look at the stream in a cycle."""

    async def _run(self) -> None:
        while True:
            await RisingEdge(self.dut.clk)
            self.drive()
            await FallingEdge(self.dut.clk)
            self.sample()
            self.cycle += 1

    def packed(self, value: Value) -> int:
        """Return a payload as a number.

        Raises
        ------
        ValueError
            If it has other fields than the stream, or a number that is too wide.
        """
        if isinstance(value, Mapping):
            if set(value) != set(self.fields):
                raise ValueError(f"{self.name}: fields are {', '.join(self.fields)}, not {', '.join(value)}")
            word = offset = 0
            for name, width in self.fields.items():
                if int(value[name]) >> width:
                    raise ValueError(f"{self.name}: {name} = {value[name]} does not fit into {width} bits")
                word |= int(value[name]) << offset
                offset += width
            return word
        return int(value)

    def unpacked(self, word: int) -> Value:
        """Return a number as a payload: by fields, if the stream has any."""
        if not self.fields:
            return word
        values = {}
        for name, width in self.fields.items():
            values[name] = word & ((1 << width) - 1)
            word >>= width
        return values

    @property
    def taken(self) -> bool:
        """Whether a payload is taken in the present cycle."""
        return bool(self.valid.value == 1 and (self.ready is None or self.ready.value == 1))


class StreamSource(Stream):
    """Offers payloads to a circuit, one after the other; what it has once offered it keeps offering.

    ``put`` fills its ``queue``; ``sent`` has a :class:`Transfer` for each payload that was taken. Parameters are those
    of :class:`Stream`.
    """

    def __init__(self, dut: Any, name: str, **options: Any):
        self.queue: deque[Value] = deque()
        """Payloads that are still to be offered."""
        self.sent: list[Transfer] = []
        """Payloads that were taken."""
        self._offered: Value | None = None
        super().__init__(dut, name, **options)
        self.valid.value = self.payload.value = 0

    def put(self, *values: Value) -> None:
        """Add payloads to the queue."""
        self.queue.extend(values)

    def clear(self) -> None:
        """Take back what is offered, and forget the queue and what was sent: for a reset."""
        self.queue.clear()
        self.sent.clear()
        self._offered = None
        self.valid.value = 0

    @property
    def idle(self) -> bool:
        """Whether everything was taken."""
        return self._offered is None and not self.queue

    def drive(self) -> None:
        """Offer the next payload, unless one is offered already or the source waits."""
        if self._offered is not None:
            return
        offer = bool(self.queue) and self.rng.random() >= self.stall
        self.valid.value = offer
        if offer:
            self._offered = self.queue.popleft()
            self.payload.value = self.packed(self._offered)

    def sample(self) -> None:
        """Note whether the payload is taken."""
        if self._offered is not None and self.taken:
            self.sent.append(Transfer(self._offered, self.cycle))
            self._offered = None

    async def drained(self, timeout_cycles: int = PATIENCE_CYCLES) -> None:
        """Wait until everything was taken.

        Raises
        ------
        AssertionError
            If nothing is taken for ``timeout_cycles``.
        """
        waited, before = 0, len(self.sent)
        while not self.idle:
            await FallingEdge(self.dut.clk)
            waited = waited + 1 if len(self.sent) == before else 0
            before = len(self.sent)
            assert waited < timeout_cycles, f"{self.name}: nothing was taken for {timeout_cycles} cycles"


class StreamMonitor(Stream):
    """Records what passes a stream between two circuits, and checks that offers are kept until they are taken.

    ``received`` has a :class:`Transfer` for each payload that was taken. Parameters are those of :class:`Stream`.
    """

    def __init__(self, dut: Any, name: str, **options: Any):
        self.received: list[Transfer] = []
        """Payloads that were taken."""
        self._waiting: int | None = None
        super().__init__(dut, name, **options)

    def clear(self) -> None:
        """Forget what was received and what is offered: for a reset."""
        self.received.clear()
        self._waiting = None

    def sample(self) -> None:
        """Record the payload that is taken.

        Raises
        ------
        AssertionError
            If an offer was withdrawn or changed before it was taken.
        """
        word = int(self.payload.value) if self.valid.value == 1 else None
        assert self._waiting is None or word is not None, f"{self.name}: an offer was withdrawn"
        assert self._waiting in (None, word), f"{self.name}: an offer changed before it was taken"
        self._waiting = word
        if word is not None and self.taken:
            self.received.append(Transfer(self.unpacked(word), self.cycle))
            self._waiting = None


class StreamSink(StreamMonitor):
    """Takes payloads from a circuit, records them, and checks that offers are kept until they are taken.

    ``received`` has a :class:`Transfer` for each payload that was taken. Parameters are those of :class:`Stream`.
    """

    def __init__(self, dut: Any, name: str, **options: Any):
        super().__init__(dut, name, **options)
        if self.ready is not None:
            self.ready.value = 0

    def drive(self) -> None:
        """Choose whether to take a payload in this cycle."""
        if self.ready is not None:
            self.ready.value = self.rng.random() >= self.stall
