"""Software's side of an AXI4-Lite port: reads and writes of registers."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from cocotb.triggers import FallingEdge, RisingEdge

OKAY, SLVERR, DECERR = 0, 2, 3
"""Responses of AXI4."""
ANSWER_CYCLES = 20
"""Number of cycles after which an access that is not answered is given up."""


class RegisterPort:
    """Reads and writes registers, one access at a time.

    Parameters
    ----------
    dut
        Handle of a circuit with ports ``clk`` and ``s_axi_...``; they are inactive from the beginning.
    prefix : str
        Prefix of the names of the ports.
    """

    def __init__(self, dut: Any, *, prefix: str = "s_axi_"):
        self.dut = dut
        self.prefix = prefix
        for name in (
            "awaddr", "awprot", "awvalid", "wdata", "wstrb", "wvalid", "bready", "araddr", "arprot", "arvalid", "rready"
        ):  # fmt: skip
            self._port(name).value = 0

    def _port(self, name: str) -> Any:
        return getattr(self.dut, self.prefix + name)

    async def write(self, register: int, value: int, strobe: int = 15) -> int:
        """Write the bytes of a register that have a 1 in ``strobe``; return the response.

        Raises
        ------
        AssertionError
            If it does not come.
        """
        port = self._port
        await RisingEdge(self.dut.clk)
        port("awaddr").value, port("wdata").value, port("wstrb").value = register, value, strobe
        port("awvalid").value = port("wvalid").value = 1
        await FallingEdge(self.dut.clk)
        # Nothing is under way: both are taken at once.
        assert port("awready").value == 1 == port("wready").value, f"the write of {register:#x} is not taken"
        await RisingEdge(self.dut.clk)
        port("awvalid").value = port("wvalid").value = 0
        port("bready").value = 1
        await self._until("bvalid")
        response = int(port("bresp").value)
        await RisingEdge(self.dut.clk)
        port("bready").value = 0
        return response

    async def read(self, register: int) -> tuple[int, int]:
        """Return the content of a register and the response.

        Raises
        ------
        AssertionError
            If they do not come.
        """
        port = self._port
        await RisingEdge(self.dut.clk)
        port("araddr").value, port("arvalid").value = register, 1
        await self._until("arready")
        await RisingEdge(self.dut.clk)
        port("arvalid").value, port("rready").value = 0, 1
        await self._until("rvalid")
        value, response = int(port("rdata").value), int(port("rresp").value)
        await RisingEdge(self.dut.clk)
        port("rready").value = 0
        return value, response

    async def _until(self, name: str) -> None:
        for _ in range(ANSWER_CYCLES):
            await FallingEdge(self.dut.clk)
            if self._port(name).value == 1:
                return
        raise AssertionError(f"{self.prefix}{name} does not come")

    async def get(self, register: IntEnum) -> int:
        """Return the content of a register.

        Raises
        ------
        AssertionError
            If the answer is an error.
        """
        value, response = await self.read(register)
        assert response == OKAY, f"{register.name} answers {response}"
        return value

    async def set_registers(self, values: Mapping[Any, int]) -> None:
        """Write registers in order.

        Raises
        ------
        AssertionError
            If an answer is an error.
        """
        for register, value in values.items():
            response = await self.write(register, value)
            assert response == OKAY, f"{register.name} answers {response}"
