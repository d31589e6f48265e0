"""Functions that build combinational logic, called like functions."""

from collections.abc import Callable, Sequence

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.sim import Simulator


def evaluate(build: Callable, shapes: Sequence, operands: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the outputs of logic for each tuple of operands.

    ``build(m, *inputs)`` adds it to a module and returns its output, or several; signed ones come back with their sign.
    """
    m = Module()
    inputs = [Signal(Shape.cast(shape), name=f"input{i}") for i, shape in enumerate(shapes)]
    built = build(m, *inputs)
    outputs = []
    for index, value in enumerate(built if isinstance(built, (tuple, list)) else [built]):
        value = Value.cast(value)
        output = Signal(value.shape(), name=f"output{index}")
        m.d.comb += output.eq(value)
        outputs.append(output)
    results: list[tuple[int, ...]] = []

    async def bench(ctx):
        for values in operands:
            for port, value in zip(inputs, values, strict=True):
                ctx.set(port, value)
            results.append(tuple(ctx.get(output) for output in outputs))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    return results
