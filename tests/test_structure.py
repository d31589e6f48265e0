"""The layout of the tree: folders of ``hw`` and their twins, test modules that stand alone, and names of bench files."""

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.source_files import ROOT, imported, sources

NO_CODE = ("__pycache__", "synth")
"""Folders of ``hw`` that contain no gateware."""
UNITS = sorted(path.name for path in (ROOT / "hw").iterdir() if path.is_dir() and path.name not in NO_CODE)
OTHER_TWINS = {
    # arithmetic units compute what the formats define
    ("arith", "sim/machine"): "sim/formats",
    ("arith", "tests/sim/machine"): "tests/sim/formats",
    # the benches of masters and memories share one bus
    ("bus", "cocotb_tests"): "cocotb_tests/axi",
    ("memory", "cocotb_tests"): "cocotb_tests/axi",
}
"""Twins that DESIGN.md puts elsewhere than in a folder of the unit's own name."""


def test_the_units_are_those_of_the_design():
    assert UNITS == ["accelerator", "arith", "bus", "cim", "mac", "memory", "npe", "vector"]


@pytest.mark.parametrize("place", ["sim/machine", "cocotb_tests", "tests/hw", "tests/sim/machine"])
@pytest.mark.parametrize("unit", UNITS)
def test_a_folder_of_gateware_has_its_twins(unit, place):
    twin = ROOT / OTHER_TWINS.get((unit, place), f"{place}/{unit}")
    pattern = "*.py" if place == "sim/machine" else "test_*.py"
    assert [path for path in twin.glob(pattern) if path.name != "__init__.py"], f"{twin.relative_to(ROOT)} is empty"


def is_test_module(name: str) -> bool:
    return any(part.startswith("test_") for part in name.split("."))


def test_no_module_imports_a_test_module():
    found = {
        str(path.relative_to(ROOT)): modules
        for path in sources()
        if (modules := {module for module in imported(path) if is_test_module(module)})
    }
    assert not found, "move what tests share to conftest.py or to a helper module"


BENCH_NAMES = {
    "gateware": ("harness.py", "*_harness.py"),
    "cocotb test": ("cb_*.py",),
    "coroutine": ("cb_*.py", "driver.py", "*_driver.py"),
    "class of cases": ("cases.py", "*_cases.py"),
    "suite": ("suite.py", "*_suite.py"),
    "pytest test": ("test_*.py",),
}
"""Kinds of content of a file under ``cocotb_tests`` and the names that such a file may have: ``cocotb_tests/__init__.py``
explains them."""
SHARED_GATEWARE = ("axi_contract.py", "streams.py")
"""Files in ``cocotb_tests/harness`` with gateware that the harnesses of several units share."""
BENCHES = {"Bench", "HarnessSuite"}
"""Base classes of circuits under test."""


def kinds(source: str) -> set[str]:
    """Return the kinds of content of a bench file."""
    found = set()
    for node in ast.walk(tree := ast.parse(source)):
        match node:
            case ast.AsyncFunctionDef(decorator_list=decorators):
                tested = any(ast.unparse(decorator).startswith("cocotb.test") for decorator in decorators)
                found |= {"coroutine"} | ({"cocotb test"} if tested else set())
            case ast.FunctionDef(name="elaborate"):
                found.add("gateware")
            case ast.ClassDef(name=name, bases=bases):
                found |= {"class of cases"} if name.endswith("Case") else set()
                found |= {"suite"} if BENCHES & {ast.unparse(base) for base in bases} else set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) if name.startswith("test_"):
                found.add("pytest test")
            case ast.ClassDef(name=name) if name.startswith("Test"):
                found.add("pytest test")
            case ast.Assign(targets=[ast.Name(id="SUITES")]) | ast.AnnAssign(target=ast.Name(id="SUITES")):
                found.add("suite")
    return found


def misnamed(path: Path, source: str) -> set[str]:
    """Return the kinds of content that the name of a bench file does not allow, and the kinds that are missing."""
    found, name = kinds(source), path.name
    if path.parent.name == "harness" and name in SHARED_GATEWARE:
        found.discard("gateware")
    wrong = {kind for kind in found if not any(fnmatch(name, pattern) for pattern in BENCH_NAMES[kind])}
    promised = {"cb_": "cocotb test", "test_": "pytest test"}
    return wrong | {f"no {kind}" for prefix, kind in promised.items() if name.startswith(prefix) and kind not in found}


def test_names_of_bench_files_tell_what_the_files_contain():
    found = {
        str(path.relative_to(ROOT)): wrong
        for path in sorted((ROOT / "cocotb_tests").rglob("*.py"))
        if (wrong := misnamed(path, path.read_text()))
    }
    assert not found, "cocotb_tests/__init__.py tells how files of benches are named"


@pytest.mark.parametrize(
    ("name", "source", "wrong"),
    [
        ("driver.py", "@cocotb.test()\nasync def table(dut): ...", {"cocotb test"}),
        ("suite.py", "async def table(dut): ...", {"coroutine"}),
        ("vectors.py", "class Channel:\n    def elaborate(self, platform): ...", {"gateware"}),
        ("harness.py", "class UnitCase: ...", {"class of cases"}),
        ("cases.py", "class TileSuite(HarnessSuite): ...", {"suite"}),
        ("test_unit.py", "SUITES = ()\ndef test_it(): ...", {"suite"}),
        ("suite.py", "class TestFaults(FaultTests): ...", {"pytest test"}),
        ("cb_unit.py", "async def helper(dut): ...", {"no cocotb test"}),
        ("test_unit.py", "def helper(): ...", {"no pytest test"}),
        ("cb_unit.py", "@cocotb.test()\nasync def table(dut): ...", set()),
    ],
)
def test_a_bench_file_with_the_wrong_name_is_found(name, source, wrong):
    assert misnamed(Path("unit", name), source) == wrong
