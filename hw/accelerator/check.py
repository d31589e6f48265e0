"""Checks whether a command can be run: counts, addresses, banks."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.accelerator.command import COMMAND_BITS, one_hot, row_bytes
from tilewright.hw.layout import view
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import COMMANDS, Jobs, Load, Opcode, Product, Set, Store, Vector, commands_of
from tilewright.sim.isa.depths import CHECK
from tilewright.sim.isa.encoding import meaning
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.widths import ADDRESS_REGISTERS, DESCRIPTOR_BYTES

SPAN_BITS = 64
"""Width of the number of bytes from the first to the last byte of a matrix."""


class Check(wiring.Component):
    """Finds the reason for which a command is refused, see :class:`.AcceleratorError`, and the banks that it uses.

    The vector unit checks its own fields, and the command processor checks loops. The twin in Python is
    :func:`.accelerator_check.refusal`.

    Latency: ``LATENCY`` cycles from ``command`` and ``address``, which stay, to the outputs.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    command : In(512)
    address : In
        Address of the command in memory, with the address register added.
    error : Out(4)
    reads, writes : Out
        A bit for each bank.
    """

    LATENCY = CHECK

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "command": In(COMMAND_BITS),
                "address": In(65),
                "error": Out(4),
                "reads": Out(config.banks),
                "writes": Out(config.banks),
            }
        )

    def elaborate(self, platform):
        m = Module()
        opcode = self.command[:8]
        m.d.comb += self.error.eq(AcceleratorError.OPCODE)
        checks = {
            Opcode.LOAD: self._load,
            Opcode.WEIGHTS: self._weights,
            Opcode.PRODUCT: self._product,
            Opcode.VECTOR: self._vector,
            Opcode.STORE: self._store,
            Opcode.JOBS: self._jobs,
            Opcode.SET: self._register,
            Opcode.ADD: self._register,
            Opcode.LOOP: self._loop,
        }
        reasons: dict[Opcode, dict[AcceleratorError, Value]] = {}
        for code, kind in commands_of(self.config).items():
            meaningless = ((1 << COMMAND_BITS) - 1) & ~meaning(kind, self.config)
            stray = (self.command & Const(meaningless, COMMAND_BITS)).any()
            check = checks.get(Opcode(code))
            reasons[Opcode(code)] = {AcceleratorError.OPCODE: stray} | (check(m) if check else {})
        with m.Switch(opcode):
            for known, why in reasons.items():
                with m.Case(known):
                    m.d.comb += self.error.eq(AcceleratorError.NONE)
                    for error, reason in sorted(why.items(), reverse=True):
                        with m.If(reason):
                            m.d.comb += self.error.eq(error)
        return m

    def _load(self, m: Module) -> dict[AcceleratorError, Value]:
        fields = view(self.command, Load.FIELDS)
        beat = self.config.bus_bytes
        why = self._memory(m, "load", fields, fields["beats"] * beat, beat)
        rows = self._stage(m, fields["rows"] * fields["planes"], "load_rows")
        below = self._stage(m, (rows - 1)[:32] * fields["pitch"], "load_below")
        crosses, bank = self._span(m, "load_to", fields["destination"], below, fields["beats"] * beat)
        why[AcceleratorError.ADDRESS] |= _unaligned(beat, fields["destination"], fields["pitch"]) | bank.outside
        return why | {AcceleratorError.BANK: crosses} | self._uses(m, Opcode.LOAD, writes=[bank])

    def _weights(self, m: Module) -> dict[AcceleratorError, Value]:
        fields = view(self.command, Load.FIELDS)
        beat = self.config.bus_bytes
        return self._memory(m, "weights", fields, fields["beats"] * beat, beat)

    def _store(self, m: Module) -> dict[AcceleratorError, Value]:
        fields = view(self.command, Store.FIELDS)
        size = fields["size"]
        bytes_ = Signal(range(self.config.bus_bytes + 1), name="store_element")
        largest = self.config.bus_bytes.bit_length() - 1
        m.d.comb += bytes_.eq(1 << Mux(size > largest, 0, size)[: largest.bit_length()])
        why = self._memory(m, "store", fields, row_bytes(fields), None, bytes_ - 1)
        why[AcceleratorError.SIZE] |= (fields["count"] == 0) | (size > largest) | (fields["packed"] & (size != 0))
        inner, rows, planes = (
            self._stage(m, (fields[count] - 1)[:16] * fields[pitch], f"store_{pitch}")
            for count, pitch in (("count", "element_pitch"), ("rows", "pitch"), ("planes", "plane_pitch"))
        )
        below = self._stage(m, inner + rows + planes, "store_below")
        crosses, bank = self._span(m, "store_from", fields["source"], below, bytes_)
        pitches = Cat(fields[name] & (bytes_ - 1) for name in ("source", "element_pitch", "pitch", "plane_pitch"))
        why[AcceleratorError.ADDRESS] |= pitches.any() | bank.outside
        return why | {AcceleratorError.BANK: crosses} | self._uses(m, Opcode.STORE, reads=[bank])

    def _product(self, m: Module) -> dict[AcceleratorError, Value]:
        config, fields = self.config, view(self.command, Product.FIELDS)
        tile, cim = config.cim_array.tile, config.cim_array
        vectors, k, n = fields["vectors"], fields["k"], fields["n"]
        high = Mux(fields["reduce"], cim.rows, tile.rows)
        size = (vectors == 0) | (k == 0) | (n == 0) | n[: (tile.results_per_beat - 1).bit_length()].any()
        size |= (k > high) & (vectors > tile.accumulator_vectors)
        a, out = (
            self._stage(m, (vectors - 1)[:16] * fields[pitch], f"product_{pitch}", cycles=2)
            for pitch in ("a_pitch", "out_pitch")
        )
        activations = (k * tile.macro.input_bits + 7) >> 3
        crosses_a, bank_a = self._span(m, "product_a", fields["a"], a, activations)
        crosses_out, bank_out = self._span(m, "product_out", fields["out"], out, n << 2)
        address = _unaligned(config.activation_bytes, fields["a"], fields["a_pitch"])
        address |= _unaligned(config.result_bytes, fields["out"], fields["out_pitch"])
        return {
            AcceleratorError.SIZE: size,
            AcceleratorError.ADDRESS: address | bank_a.outside | bank_out.outside,
            AcceleratorError.BANK: crosses_a | crosses_out,
        } | self._uses(m, Opcode.PRODUCT, reads=[bank_a], writes=[bank_out])

    def _vector(self, m: Module) -> dict[AcceleratorError, Value]:
        config, fields = self.config, view(self.command, Vector.FIELDS)
        whole, places = config.vector.address_bits, config.vector.element_address_bits
        on = dict(zip("abcd", (Const(1, 1), fields["b"], fields["c"], fields["write"]), strict=True))
        banks: dict[str, _Bank] = {}
        outside: Value = Const(0, 1)
        for name, used in on.items():
            address, stride = fields[f"{name}_address"], fields[f"{name}_stride"]
            bits = config.banks.bit_length() - 1
            number, rest = address[whole : whole + bits], address[whole + bits :].any() | stride[whole:].any()
            if name == "d":
                scattered = address[places + bits :].any() | stride[places:].any()
                number = Mux(fields["scatter"], address[places : places + bits], number)
                rest = Mux(fields["scatter"], scattered, rest)
            banks[name] = _Bank(number, Const(0, 1), used)
            outside |= used & rest
        a, b, c = (banks[name] for name in "abc")
        same = (b.on & (b.number == a.number)) | (c.on & (c.number == a.number))
        same |= b.on & c.on & (b.number == c.number)
        return {AcceleratorError.ADDRESS: outside, AcceleratorError.BANK: same} | self._uses(
            m, Opcode.VECTOR, reads=[a, b, c], writes=[banks["d"]]
        )

    def _jobs(self, m: Module) -> dict[AcceleratorError, Value]:
        fields = view(self.command, Jobs.FIELDS)
        end = self._stage(m, self.address + fields["count"] * DESCRIPTOR_BYTES, "jobs_end")
        return {
            AcceleratorError.SIZE: fields["count"] == 0,
            AcceleratorError.ADDRESS: _unaligned(DESCRIPTOR_BYTES, self.address)
            | (end > (1 << self.config.address_bits)),
            AcceleratorError.REGISTER: fields["register"] > ADDRESS_REGISTERS,
        }

    def _register(self, m: Module) -> dict[AcceleratorError, Value]:
        register = view(self.command, Set.FIELDS)["register"]
        return {AcceleratorError.REGISTER: (register == 0) | (register > ADDRESS_REGISTERS)}

    def _loop(self, m: Module) -> dict[AcceleratorError, Value]:
        return {AcceleratorError.SIZE: ~view(self.command, COMMANDS[Opcode.LOOP].FIELDS)["count"].any()}

    def _memory(
        self,
        m: Module,
        name: str,
        fields: dict[str, Value],
        row: Value,
        unit: int | None,
        below: Value | None = None,
    ) -> dict[AcceleratorError, Value]:
        """Return the errors of rows and planes in memory; the bits of ``below``, by default ``unit - 1``, must be 0."""
        rows, planes = (
            self._stage(m, (fields[count] - 1)[:16] * fields[stride], f"{name}_{stride}")
            for count, stride in (("rows", "stride"), ("planes", "plane_stride"))
        )
        begin = self._stage(m, rows + planes, f"{name}_begin")
        length = self._stage(m, row, f"{name}_length", cycles=2)
        end = self._stage(m, self.address + begin + length, f"{name}_end")
        low = Const(unit - 1, max(1, (unit - 1).bit_length())) if unit is not None else below
        unaligned = Cat(part & low for part in (self.address, fields["stride"], fields["plane_stride"])).any()
        size = (fields["rows"] == 0) | (fields["planes"] == 0)
        if "beats" in fields:
            size |= fields["beats"] == 0
        return {
            AcceleratorError.SIZE: size,
            AcceleratorError.ADDRESS: unaligned | (end > (1 << self.config.address_bits)),
            AcceleratorError.REGISTER: fields["register"] > ADDRESS_REGISTERS,
        }

    def _span(self, m: Module, name: str, begin: Value, below: Value, row: Value) -> tuple[Value, "_Bank"]:
        """Return whether a matrix of the scratchpad lies in two banks, and the bank in which it begins.

        ``below`` is the number of bytes from the first row to the last one, and ``row`` is the number of bytes in a
        row.
        """
        last = self._stage(m, begin + below + row - 1, f"{name}_last")[:SPAN_BITS]
        bits = (self.config.bank_bytes - 1).bit_length()
        number = begin[bits : bits + self.config.banks.bit_length() - 1]
        outside = last >= self.config.scratchpad_bytes
        return begin[bits:] != last[bits:], _Bank(number, outside, Const(1, 1))

    def _uses(
        self, m: Module, opcode: Opcode, reads: Sequence["_Bank"] = (), writes: Sequence["_Bank"] = ()
    ) -> dict[AcceleratorError, Value]:
        """Drive the banks that an operation uses; this finds no errors."""
        for output, banks in ((self.reads, reads), (self.writes, writes)):
            used: Value = Const(0, self.config.banks)
            for bank in banks:
                used |= one_hot(bank.number, self.config.banks) & bank.on.replicate(self.config.banks)
            with m.If(self.command[:8] == opcode):
                m.d.comb += output.eq(used)
        return {}

    def _stage(self, m: Module, value: Any, name: str, *, cycles: int = 1) -> Value:
        """Return a value some cycles later."""
        value = Value.cast(value)
        value = value.as_unsigned() if value.shape().signed else value
        for cycle in range(cycles):
            register = Signal(min(SPAN_BITS + 4, len(value)), name=f"{name}{cycle}", reset_less=True)
            m.d.sync += register.eq(value)
            value = register
        return value


class _Bank:
    """A bank that a command uses if ``on``; ``outside`` says that it lies beyond the last bank."""

    def __init__(self, number: Value, outside: Value, on: Value):
        self.number, self.outside, self.on = number, outside, on


def _unaligned(unit: int, *values: Value) -> Value:
    """Return whether any of some values is no multiple of a power of two."""
    bits = (unit - 1).bit_length()
    return Cat(value[:bits] for value in values).any()
