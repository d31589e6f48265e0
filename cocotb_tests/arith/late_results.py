"""Units whose results come a cycle late, as a fault."""

from typing import Any

from amaranth.hdl import Mux, Signal, Value

from tilewright.hw.arith.unit import Pipeline


def _late(on: Value, right: Any) -> Any:
    def end(pipe: Pipeline, result: Any = None, *, when: Any = 1) -> None:
        m = pipe._m
        late_valid, late_result = Signal(name="late_valid"), Signal(len(Value.cast(result)), name="late_result")
        m.d.sync += [late_valid.eq(pipe.valid & when), late_result.eq(result)]
        pipe.valid = Mux(on, late_valid, pipe.valid)
        right(pipe, Mux(on, late_result, result), when=Mux(on, 1, when))

    return end


LATE_RESULTS: dict[str, Any] = {
    "owner": Pipeline,
    "wrong": {"end": _late},
    "says": "results not in their cycle: .*'late': [1-9]",
}
"""The fault, for units with streams that do not wait."""
