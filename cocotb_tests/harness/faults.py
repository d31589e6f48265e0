"""Planted faults: one model contains all faults of a circuit, and a file of the simulation puts one in force.

A fault changes the Verilog text (:class:`TextFault`) or a name of Python that the circuit uses while it is elaborated
(:class:`FunctionFault`). Either change is conditional on the number of the fault in force.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Fragment, Instance, Mux, Signal, Value

from tilewright.cocotb_tests.harness import kept_verilog
from tilewright.cocotb_tests.harness.structure import parts_of
from tilewright.cocotb_tests.runner import FAULT
from tilewright.hw.names import module_name

NUMBER_BITS = 8
"""Width of the number of a fault; 0 stands for no fault."""
READER = "planted_fault"
"""Name of the module that reads the number of the fault in force."""
READER_VERILOG = f"""
module {READER} (output reg [{NUMBER_BITS - 1}:0] number);
  integer file;
  initial begin
    number = 0;
    file = $fopen("{FAULT}", "r");
    if (file != 0) begin
      if ($fscanf(file, "%d", number) != 1) number = 0;
      $fclose(file);
    end
  end
endmodule
"""
CHOSEN = Signal(NUMBER_BITS, name="chosen_fault")
"""Number of the fault in force, in gateware that is elaborated under :func:`planted`."""

Wrong = Callable[[Value, Any], Any]
"""Function that makes the faulty object from ``on``, which is 1 while the fault is in force, and from the right object:
a function, a property or a number. With ``on`` at 0 the faulty object must behave as the right one."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A defect, the run that must detect it, and the message of that run.

    Parameters
    ----------
    name : str
        What is wrong.
    testcase : str
        The cocotb test that must fail.
    cases : str
        Name of the cases that the test runs; see :class:`.faulty_suite.FaultySuite`.
    says : str
        Regular expression for the message of the test.
    """

    name: str
    testcase: str
    cases: str = ""
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class TextFault(Fault):
    r"""A change of the text of one Verilog module.

    Parameters
    ----------
    module : str
        Name of the module, with dots between the parts of its path, from the top or from a definition on.
    pattern, replacement : str
        Regular expression, every match of which is replaced; ``ON`` in the replacement stands for an expression that is
        1 while the fault is in force.
    """

    module: str
    pattern: str
    replacement: str


@dataclass(frozen=True, kw_only=True)
class FunctionFault(Fault):
    """A change of names of a Python module or class while the circuit is elaborated.

    Parameters
    ----------
    owner : module or class
        What the names belong to.
    wrong : mapping of str to Wrong
        What each of the names stands for instead.
    """

    owner: Any
    wrong: Mapping[str, Wrong]


def choose(on: Value, wrong: Any, right: Any) -> Any:
    """Return ``wrong`` while ``on`` is 1 and ``right`` otherwise: values, or records, lists or tuples of values."""
    if wrong is right:
        return right
    if is_dataclass(right) and not isinstance(right, type):
        names = [field.name for field in fields(right)]
        return type(right)(**{name: choose(on, getattr(wrong, name), getattr(right, name)) for name in names})
    if isinstance(right, list | tuple):
        return type(right)(choose(on, *pair) for pair in zip(wrong, right, strict=True))
    return Mux(on, wrong, right)


def instead(wrong: Callable[..., Any]) -> Wrong:
    """Make a function with another result, which ``wrong`` makes from the right function and its arguments.

    If ``wrong`` returns None, the result for these arguments stays right.
    """

    def replace(on: Value, right: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **options: Any) -> Any:
            value, other = right(*args, **options), wrong(right, *args, **options)
            return value if other is None else choose(on, other, value)

        return function

    return replace


def changed(change: Callable[..., Any]) -> Wrong:
    """Make a function with another result, which ``change`` makes from the right result and the arguments."""

    def replace(on: Value, right: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **options: Any) -> Any:
            value = right(*args, **options)
            return choose(on, change(value, *args, **options), value)

        return function

    return replace


def given(position: int | str, change: Callable[..., Any]) -> Wrong:
    """Make a function that receives another argument, which ``change`` makes from all right arguments.

    Parameters
    ----------
    position : int or str
        Position or name of the argument.
    """

    def replace(on: Value, right: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **options: Any) -> Any:
            wrong = change(*args, **options)
            if isinstance(position, str):
                return right(*args, **{**options, position: choose(on, wrong, options[position])})
            chosen = choose(on, wrong, args[position])
            return right(*args[:position], chosen, *args[position + 1 :], **options)

        return function

    return replace


def number(wrong: int) -> Wrong:
    """Make a number that is another one."""
    return lambda on, right: Mux(on, wrong, right)


@contextmanager
def planted(faults: Iterable[tuple[int, FunctionFault]]) -> Iterator[None]:
    """Plant numbered faults while the context lasts: in whatever is elaborated and written as Verilog."""
    with pytest.MonkeyPatch.context() as patch:
        for number, fault in faults:
            for name, wrong in fault.wrong.items():
                patch.setattr(fault.owner, name, wrong(number == CHOSEN, getattr(fault.owner, name)))
        convert = rtlil.convert

        def convert_with_reader(component: Any, **options: Any) -> str:
            fragment = Fragment.get(component, None)
            fragment.add_subfragment(Instance(READER, o_number=CHOSEN), "fault_in_force")
            return convert(fragment, **options)

        def nothing_kept(kind: str) -> Any:
            raise AssertionError(f"{kind} of gateware with planted faults must not be kept in the cache")

        patch.setattr(rtlil, "convert", convert_with_reader)
        patch.setattr(kept_verilog, "remember", nothing_kept)
        yield


def plant(verilog: str, module: str, pattern: str, replacement: str) -> str:
    """Return the text with every match of ``pattern`` in one module replaced.

    Raises
    ------
    ValueError
        If nothing in the module matches: the text has changed and the fault must be planted anew.
    """
    parts = parts_of(verilog)
    [index] = [i for i, part in enumerate(parts) if re.match(rf"module {module} ?[#(]", part)]
    parts[index], count = re.subn(pattern, replacement, parts[index])
    if not count:
        raise ValueError(f"nothing in module {module} matches {pattern}")
    return "".join(parts)


def with_text_faults(verilog: str, top: str, faults: Sequence[tuple[int, TextFault]]) -> str:
    """Return the text with numbered faults.

    Raises
    ------
    ValueError
        If nothing matches the pattern of a fault.
    """
    for number, fault in faults:
        on = f"({top}.text_fault_in_force.number == {NUMBER_BITS}'d{number})"
        is_outside = re.search(rf"(?m)^module {re.escape(fault.module)} ?[#(]", verilog)
        module = fault.module if is_outside else module_name(top, fault.module)
        verilog = plant(verilog, module, fault.pattern, re.sub(r"\bON\b", on, fault.replacement))
    reader = f"  {READER} text_fault_in_force ();\n"
    verilog, count = re.subn(rf"(?s)^(module {top} ?\(.*?\);\n)", rf"\g<1>{reader}", verilog, flags=re.M)
    assert count == 1
    return verilog
