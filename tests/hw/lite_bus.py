"""Software's end of AXI4-Lite in Amaranth's own simulator."""

import random

OKAY, SLVERR = 0, 2


class Bus:
    """Software's end, with random waits; ``rng`` None: none."""

    def __init__(self, ctx, dut, rng: random.Random | None = None):
        self.ctx, self.dut, self.rng = ctx, dut, rng

    def _late(self) -> int:
        return self.rng.choice((0, 0, 1, 2, 5)) if self.rng else 0

    async def write(self, address: int, value: int, strobe: int = 0xF) -> int:
        """Write a word, address and data in any order; return the response."""
        ctx, dut = self.ctx, self.dut
        starts = {"aw": self._late(), "w": self._late()}
        ctx.set(dut.s_axi_awaddr, address)
        ctx.set(dut.s_axi_wdata, value)
        ctx.set(dut.s_axi_wstrb, strobe)
        cycle = 0
        while starts:
            taken = []
            for channel, start in starts.items():
                ctx.set(getattr(dut, f"s_axi_{channel}valid"), cycle >= start)
                if cycle >= start and ctx.get(getattr(dut, f"s_axi_{channel}ready")):
                    taken.append(channel)
            await ctx.tick()
            cycle += 1
            for channel in taken:
                ctx.set(getattr(dut, f"s_axi_{channel}valid"), 0)
                del starts[channel]
        return await self._answer("b", dut.s_axi_bresp)

    async def read(self, address: int) -> tuple[int, int]:
        """Read a word; return data and response."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.s_axi_araddr, address)
        ctx.set(dut.s_axi_arvalid, 1)
        await ctx.tick().until(dut.s_axi_arready)
        ctx.set(dut.s_axi_arvalid, 0)
        return await self._answer("r", dut.s_axi_rdata, dut.s_axi_rresp)

    async def _answer(self, channel: str, *values):
        ctx, dut = self.ctx, self.dut
        valid, ready = getattr(dut, f"s_axi_{channel}valid"), getattr(dut, f"s_axi_{channel}ready")
        ctx.set(ready, 0)
        while not ctx.get(valid):
            await ctx.tick()
        first = [ctx.get(value) for value in values]
        for _ in range(self._late()):
            assert ctx.get(valid)
            await ctx.tick()
            assert [ctx.get(value) for value in values] == first
        ctx.set(ready, 1)
        await ctx.tick()
        ctx.set(ready, 0)
        return first if len(first) > 1 else first[0]
