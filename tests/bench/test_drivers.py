"""Drivers, monitors, scoreboard and memory notice a circuit that breaks its contracts; values that do not go are refused."""

import shutil
import subprocess
import sys
from os import environ
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tilewright.bench import fields_of
from tilewright.bench.streams import Stream

HERE = Path(__file__).parent
FAULTS = {
    1: "o: an offer was withdrawn",
    2: "o: an offer changed before it was taken",
    3: "o 5 is 0x6 (6.0), not 0x5 (5.0)",
    4: "i: nothing was taken for 50 cycles",
    5: "m_axi_ar: a burst at 0xff8 of 4 beats crosses 4 KiB",
    6: "m_axi_ar: a burst at 0x40 is not of beats of 4 bytes",
    7: "m_axi_ar: a burst at 0x40 is not INCR",
    8: "m_axi_ar: an offer changed before it was taken",
    9: "m_axi_ar: a burst at 0x2 is not aligned to beats of 4 bytes",
    10: "m_axi_w: wlast is wrong in beat 1 of 2",
}
SCRIPT = """
import sys
from cocotb_tools.runner import get_results, get_runner
import tilewright as tw
simulator = tw.use_simulator("icarus")
runner = get_runner(simulator.name)
runner.build(sources=[sys.argv[1]], hdl_toplevel="misbehaving", timescale=("1ns", "1ps"))
runner.test(hdl_toplevel="misbehaving", test_module="cb_misbehaving", results_xml=sys.argv[2])
"""
icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="no Icarus Verilog (Debian: `apt install iverilog`)")


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, str]:
    """Return the message of each test of the bench, empty if it passed: all faults are in one simulation."""
    folder = tmp_path_factory.mktemp("misbehaving")
    env = {name: value for name, value in environ.items() if not name.startswith(("PYTEST", "COCOTB"))}
    env["PYTHONPATH"] = f"{HERE}:{env.get('PYTHONPATH', '')}"
    results = folder / "found.xml"
    command = [sys.executable, "-c", SCRIPT, str(HERE / "misbehaving.v"), str(results)]
    result = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert results.exists(), result.stdout[-2000:] + result.stderr[-2000:]
    cases = ElementTree.parse(results).getroot().iter("testcase")
    return {
        case.get("name", ""): "".join(
            (each.get("error_msg") or each.get("message") or "")
            for each in (*case.iter("failure"), *case.iter("error"))
        )
        for case in cases
    }


@icarus
@pytest.mark.cosim
def test_a_circuit_that_behaves_passes(found):
    assert len(found) == len(FAULTS) + 2
    assert {name for name, message in found.items() if not message} == {"behaves/fault=0", "monitors_alone"}


@icarus
@pytest.mark.cosim
@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_contract_is_named(fault, found):
    assert FAULTS[fault] in found[f"behaves/fault={fault}"]


def test_fields_are_those_of_the_description():
    ports = {"ports": [{"name": "i__payload", "fields": [{"name": "a", "width": 8}, {"name": "b", "width": 1}]}]}
    assert fields_of(ports, "i__payload") == {"a": 8, "b": 1}
    with pytest.raises(ValueError, match="no port x: the ports are i__payload"):
        fields_of(ports, "x")


def stream(fields: dict[str, int]) -> Stream:
    made = object.__new__(Stream)
    made.name, made.fields = "i", fields
    return made


def test_payloads_that_do_not_go_are_refused():
    with pytest.raises(ValueError, match="i: fields are a, b, not a"):
        stream({"a": 8, "b": 1}).packed({"a": 1})
    with pytest.raises(ValueError, match="i: b = 2 does not fit into 1 bits"):
        stream({"a": 8, "b": 1}).packed({"a": 1, "b": 2})
    assert stream({"a": 8, "b": 1}).unpacked(stream({"a": 8, "b": 1}).packed({"a": 200, "b": 1})) == {"a": 200, "b": 1}
