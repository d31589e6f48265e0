"""AXI4 and AXI4-Lite ports by their standard flat names, as members of a component's signature.

Names, widths and values are those of the AMBA AXI protocol specification, IHI 0022. There is one ID; ID signals are one
bit wide and 0.
"""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import enum
from amaranth.lib.wiring import In, Member, Out

MAX_BURST = 256
"""Maximum number of beats of an INCR burst."""


class Response(enum.Enum, shape=2):  # type: ignore[call-arg]
    """Result of a beat that was read, or of a burst that was written; a larger value is a worse result."""

    OKAY = 0
    EXOKAY = 1
    """Success of an exclusive access, which never occurs here."""
    SLVERR = 2
    """Error of the addressed slave."""
    DECERR = 3
    """Error of the interconnect: there is nothing at this address."""


class Burst(enum.Enum, shape=2):  # type: ignore[call-arg]
    """Rule by which the address advances from beat to beat."""

    FIXED = 0
    INCR = 1
    WRAP = 2


CACHE = 0b0011
"""Value of ``cache`` of a master: normal memory, bufferable, not cacheable."""


def check_widths(address_bits: int, data_bits: int) -> None:
    """Refuse widths that an AXI4 bus cannot have.

    Raises
    ------
    ValueError
        If ``address_bits`` is not 12..64 or ``data_bits`` not a power of two, 8..1024.
    """
    if not 12 <= address_bits <= 64:
        raise ValueError(f"address_bits = {address_bits} is not allowed: it must be 12 to 64")
    if data_bits not in (8, 16, 32, 64, 128, 256, 512, 1024):
        raise ValueError(f"data_bits = {data_bits} is not allowed: it must be a power of two from 8 to 1024")


def _address_channel(name: str, address_bits: int) -> dict[str, Member]:
    return {
        f"{name}id": Out(1),
        f"{name}addr": Out(address_bits),
        f"{name}len": Out(8),
        f"{name}size": Out(3),
        f"{name}burst": Out(2),
        f"{name}lock": Out(1),
        f"{name}cache": Out(4),
        f"{name}prot": Out(3),
        f"{name}qos": Out(4),
        f"{name}valid": Out(1),
        f"{name}ready": In(1),
    }


def _prefixed(prefix: str, members: Mapping[str, Member]) -> dict[str, Member]:
    return {prefix + name: member for name, member in members.items()}


def read_master_members(*, address_bits: int, data_bits: int, prefix: str = "m_axi_") -> dict[str, Member]:
    """Return the ports of the two read channels of an AXI4 master."""
    check_widths(address_bits, data_bits)
    channel = {"rid": In(1), "rdata": In(data_bits), "rresp": In(2), "rlast": In(1), "rvalid": In(1), "rready": Out(1)}
    return _prefixed(prefix, {**_address_channel("ar", address_bits), **channel})


def write_master_members(*, address_bits: int, data_bits: int, prefix: str = "m_axi_") -> dict[str, Member]:
    """Return the ports of the three write channels of an AXI4 master."""
    check_widths(address_bits, data_bits)
    channels = {
        "wdata": Out(data_bits),
        "wstrb": Out(data_bits // 8),
        "wlast": Out(1),
        "wvalid": Out(1),
        "wready": In(1),
        "bid": In(1),
        "bresp": In(2),
        "bvalid": In(1),
        "bready": Out(1),
    }
    return _prefixed(prefix, {**_address_channel("aw", address_bits), **channels})


def master_members(*, address_bits: int, data_bits: int, prefix: str = "m_axi_") -> dict[str, Member]:
    """Return the ports of an AXI4 master, all five channels."""
    widths: dict[str, Any] = {"address_bits": address_bits, "data_bits": data_bits, "prefix": prefix}
    return {**write_master_members(**widths), **read_master_members(**widths)}


def lite_slave_members(*, address_bits: int = 12, data_bits: int = 32, prefix: str = "s_axi_") -> dict[str, Member]:
    """Return the ports of an AXI4-Lite slave."""
    members = {
        "awaddr": In(address_bits),
        "awprot": In(3),
        "awvalid": In(1),
        "awready": Out(1),
        "wdata": In(data_bits),
        "wstrb": In(data_bits // 8),
        "wvalid": In(1),
        "wready": Out(1),
        "bresp": Out(2),
        "bvalid": Out(1),
        "bready": In(1),
        "araddr": In(address_bits),
        "arprot": In(3),
        "arvalid": In(1),
        "arready": Out(1),
        "rdata": Out(data_bits),
        "rresp": Out(2),
        "rvalid": Out(1),
        "rready": In(1),
    }
    return _prefixed(prefix, members)


def flipped(members: Mapping[str, Member]) -> dict[str, Member]:
    """Return the ports of the other side: the ports of a slave for those of a master."""
    return {name: member.flip() for name, member in members.items()}


def forward(m: Module, members: Mapping[str, Member], inner: Any, outer: Any) -> None:
    """Connect ports of the component ``inner`` to the same ports of ``outer``, the component around it."""
    for name, member in members.items():
        inside, outside = getattr(inner, name), getattr(outer, name)
        m.d.comb += outside.eq(inside) if member.flow == Out else inside.eq(outside)


def connect(
    m: Module, members: Mapping[str, Member], master: Any, slave: Any, *, prefix: str, slave_prefix: str
) -> None:
    """Connect the ports ``members`` of ``master`` to the ports of ``slave``; the names differ by their prefixes."""
    for name, member in members.items():
        source, sink = getattr(master, name), getattr(slave, slave_prefix + name.removeprefix(prefix))
        m.d.comb += sink.eq(source) if member.flow == Out else source.eq(sink)


def drive_burst_constants(m: Module, component: Any, channel: str, data_bits: int) -> None:
    """Drive the signals that are constant for every burst of a master: full-width INCR beats of ID 0, plain memory
    access.

    ``channel`` is ``m_axi_ar``, ``m_axi_aw`` or the like.
    """
    constants = {
        "id": 0,
        "size": (data_bits // 8).bit_length() - 1,
        "burst": Burst.INCR,
        "lock": 0,
        "cache": CACHE,
        "prot": 0,
        "qos": 0,
    }
    m.d.comb += [getattr(component, channel + name).eq(value) for name, value in constants.items()]
