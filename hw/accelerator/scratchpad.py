"""The scratchpad: banks of words, each with one read port and one write port."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tilewright.hw.definition import Definition
from tilewright.sim.config.accelerator import AcceleratorConfig


def read_layout(config: AcceleratorConfig) -> data.StructLayout:
    """Return the layout of a read request: whether a word is needed, its bank, and the word in it."""
    return data.StructLayout({"enable": 1, "bank": range(config.banks), "address": config.vector.address_bits - 2})


def write_layout(config: AcceleratorConfig) -> data.StructLayout:
    """Return the layout of a write request: bank, word, data, and a mask of the bytes that are written."""
    return data.StructLayout(
        {
            "enable": 1,
            "bank": range(config.banks),
            "address": config.vector.address_bits - 2,
            "mask": config.word_bytes,
            "data": config.vector.word_bits,
        }
    )


class Bank(wiring.Component):
    """One bank: in each cycle one word is read, and bytes of one word are written.

    Latency: ``LATENCY`` cycles from an address to its word, which is the one before a write in the same cycle.

    Members
    -------
    read_enable, read_address, read_data : In, In, Out
        A word is read in cycles with ``read_enable`` alone; ``read_data`` keeps the last one.
    enable, write_address, write_mask, write_data : In
    """

    LATENCY = 1

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        bits = config.vector.address_bits - 2
        super().__init__(
            {
                "read_enable": In(1),
                "read_address": In(bits),
                "read_data": Out(config.vector.word_bits),
                "enable": In(1),
                "write_address": In(bits),
                "write_mask": In(config.word_bytes),
                "write_data": In(config.vector.word_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = Memory(
            shape=self.config.vector.word_bits, depth=1 << len(self.read_address), init=[]
        )
        read, write = words.read_port(), words.write_port(granularity=8)
        m.d.comb += [
            read.en.eq(self.read_enable),
            read.addr.eq(self.read_address),
            self.read_data.eq(read.data),
            write.en.eq(self.write_mask & self.enable.replicate(len(self.write_mask))),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
        ]
        return m


class Scratchpad(wiring.Component):
    """All banks; the scheduler ensures that each is held by at most one reader and one writer at a time.

    A bank reads in those cycles alone in which a reader needs a word.

    Latency: that of a bank. Throughput: a word for each reader and each writer in each cycle.

    Parameters
    ----------
    config : AcceleratorConfig
    readers, writers : int

    Members
    -------
    read0, read1, ... : In(read_layout)
        ``bank`` stays until the last word has been seen.
    data0, data1, ... : Out
        The word that its reader asked for in the cycle before.
    write0, write1, ... : In(write_layout)
    """

    LATENCY = Bank.LATENCY

    def __init__(self, *, config: AcceleratorConfig, readers: int, writers: int):
        self.config = config
        self._readers, self._writers = readers, writers
        self._bank = Definition("scratchpad_bank", Bank(config=config))
        self.definitions = [self._bank]
        super().__init__(
            {
                **{f"read{index}": In(read_layout(config)) for index in range(readers)},
                **{f"data{index}": Out(config.vector.word_bits) for index in range(readers)},
                **{f"write{index}": In(write_layout(config)) for index in range(writers)},
            }
        )

    def elaborate(self, platform):
        m = Module()
        banks = []
        for number in range(self.config.banks):
            bank = self._bank.instantiate(m, f"bank{number}")
            banks.append(bank)
            address: Value = Signal(len(bank.read_address), name=f"no_read{number}")
            needed: list[Value] = []
            for index in range(self._readers):
                reader = getattr(self, f"read{index}")
                needed.append(reader.enable & (reader.bank == number))
                address = Mux(needed[-1], reader.address, address)
            m.d.comb += [bank.read_enable.eq(Cat(needed).any()), bank.read_address.eq(address)]
            for index in range(self._writers):
                writer = getattr(self, f"write{index}")
                with m.If(writer.enable & (writer.bank == number)):
                    m.d.comb += [
                        bank.enable.eq(1),
                        bank.write_address.eq(writer.address),
                        bank.write_mask.eq(writer.mask),
                        bank.write_data.eq(writer.data),
                    ]
        for index in range(self._readers):
            with m.Switch(getattr(self, f"read{index}").bank):
                for number, bank in enumerate(banks):
                    with m.Case(number):
                        m.d.comb += getattr(self, f"data{index}").eq(bank.read_data)
        return m
