"""Faults of pipeline registers: other functions in place of :func:`tilewright.hw.pipeline.delay`."""

from typing import Any

from amaranth.hdl import Const, Module, Mux, Value

from tilewright.cocotb_tests.harness.faults import Wrong, instead


def _delay_of(names: tuple[str, ...], wrong: Any) -> dict[str, Wrong]:
    def delay(right: Any, m: Module, value: Any, name: str, *, cycles: int = 1, **options: Any) -> Any:
        return wrong(right, m, Value.cast(value), name, cycles, **options) if name in names else None

    return {"delay": instead(delay)}


def early(*names: str) -> dict[str, Wrong]:
    """Make the delay of some values a cycle shorter."""
    return _other_cycles(names, "early", -1)


def late(*names: str) -> dict[str, Wrong]:
    """Make the delay of some values a cycle longer."""
    return _other_cycles(names, "late", 1)


def _other_cycles(names: tuple[str, ...], how: str, more: int) -> dict[str, Wrong]:
    def wrong(right: Any, m: Module, value: Value, name: str, cycles: int, **options: Any) -> Value:
        return right(m, value, f"{how}_{name}", cycles=cycles + more, **options)

    return _delay_of(names, wrong)


def never(*names: str) -> dict[str, Wrong]:
    """Make some values 0."""
    return _delay_of(names, lambda right, m, value, *rest, **options: Const(0, len(value)))


def off(name: str, entry: int, step: int) -> dict[str, Wrong]:
    """Add ``step`` to a value while it is ``entry``: a table with one wrong entry."""

    def wrong(right: Any, m: Module, value: Value, name: str, cycles: int, **options: Any) -> Value:
        return right(m, value + Mux(value == entry, step, 0), f"off_{name}", cycles=cycles, **options)

    return _delay_of((name,), wrong)


def less(name: str, step: int) -> dict[str, Wrong]:
    """Subtract ``step`` from a value."""

    def wrong(right: Any, m: Module, value: Value, name: str, cycles: int, **options: Any) -> Value:
        return right(m, (value - step)[: len(value)], f"less_{name}", cycles=cycles, **options)

    return _delay_of((name,), wrong)
