"""The layout of the tree: folders of ``hw`` and their twins, and test modules that stand alone."""

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
