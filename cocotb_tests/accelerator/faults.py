"""Faults planted in the accelerator's Verilog, all in one model, each in force when the bench says its number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from tilewright.cocotb_tests.accelerator.cases import Case
from tilewright.cocotb_tests.accelerator.cb_accelerator import CHOSEN
from tilewright.cocotb_tests.accelerator.harness import TOP
from tilewright.cocotb_tests.accelerator.suite import Design, run
from tilewright.cocotb_tests.harness.faults import plant
from tilewright.cocotb_tests.runner import BenchError


@dataclass(frozen=True)
class Fault:
    """A change of the generated Verilog, and the cases that must show it."""

    name: str
    module: str
    """Behind ``accelerator_core``."""
    pattern: str
    replacement: str
    """``ON``: whether the fault is in force."""
    says: str = ""
    """Part of what the bench then says."""
    cases: str = "random"


def with_faults(verilog: str, faults: Sequence[Fault]) -> str:
    """Return the text with all faults, and what chooses one."""
    for number, fault in enumerate(faults, 1):
        on = f"({TOP}.{CHOSEN} == 8'd{number})"
        verilog = plant(verilog, f"accelerator_core{fault.module}", fault.pattern, fault.replacement.replace("ON", on))
    chosen = f"  reg [7:0] {CHOSEN};\n  initial {CHOSEN} = 0;\n"
    verilog, count = re.subn(rf"(?s)^(module {TOP} ?\(.*?\);\n)", rf"\g<1>{chosen}", verilog, flags=re.M)
    assert count == 1
    return verilog


def check_seen(design: Design, faults: Sequence[Fault], number: int, cases: tuple[Case, ...]) -> None:
    """See that the bench says what it must of the fault of a number, from 1."""
    fault = faults[number - 1]
    with pytest.raises(BenchError) as error:
        run(design, cases, verilog_edit=partial(with_faults, faults=faults), fault=number)
    assert fault.says in str(error.value)
