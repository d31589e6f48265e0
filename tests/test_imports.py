"""Who may import whom, read off the sources."""

import sys
from pathlib import Path

import pytest

from tests.source_files import ROOT, imported, sources

ALLOWED = {
    # part of the tree: other parts of ours that it may import
    "base": set(),
    "sim.formats": {"base"},
    "sim.isa.widths": set(),
    "sim.config": {"base", "sim.formats", "sim.isa.widths"},
    "sim.isa": {"base", "sim.formats", "sim.config", "sim.isa.widths"},
    "sim.graph": {"base", "sim.formats", "sim.config"},
    "sim": {"base", "sim.formats", "sim.config", "sim.isa", "sim.isa.widths", "sim.graph"},
    "hw": {"base", "sim.formats", "sim.config", "sim.isa", "sim.isa.widths", "sim.graph"},
    "gem5_configs": {"base", "sim.formats", "sim.config", "sim.isa", "sim.isa.widths", "sim.graph"},
    "mapping.models": {"base", "sim"},
    "mapping.precision": {"base", "sim", "mapping.models"},
    "mapping.lower": {"base", "sim", "mapping.models", "mapping.precision"},
    "mapping.compile": {"base", "sim", "mapping.models", "mapping.precision", "mapping.lower"},
    "mapping.host": {"base", "sim", "gem5_configs", "mapping.models"},
    "mapping": {"base", "sim", "mapping"},
    "bench": {"base", "sim", "mapping"},
    "cocotb_tests": {"base", "sim", "hw", "mapping", "bench"},
    "api": {"base", "sim", "hw", "mapping", "gem5_configs", "bench", "cocotb_tests"},
    "cli": {"base", "sim", "hw", "mapping", "gem5_configs", "bench", "cocotb_tests", "api"},
}
"""A part stands for all below it that is no part of its own, and, in a set of what may be imported, for these, too."""
EXCEPTIONS: dict[str, set[str]] = {}
"""Imports that break the rule, by file. The list may only shrink."""


def part_of(name: str) -> str | None:
    """Return the longest known part that a dotted path without ``tilewright`` lies in."""
    matches = [part for part in ALLOWED if name == part or name.startswith(f"{part}.")]
    return max(matches, key=len, default=None)


def test_there_are_sources_of_every_part():
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sources())
    found = {part_of(name.removeprefix("tilewright.")) for name in names}
    assert set(ALLOWED) - {"sim.isa.widths"} <= found


def broken_by(path: Path) -> set[str]:
    """Return the modules that a file imports although the rule forbids it."""
    relative = path.relative_to(ROOT)
    name = ".".join(relative.with_suffix("").parts).removeprefix("tilewright.")
    part = part_of(name)
    broken = set()
    for module in imported(path):
        top = module.split(".")[0]
        assert top not in ("hw", "sim", "mapping", "cocotb_tests", "gem5_configs"), f"{module}: import tilewright.{top}"
        if top != "tilewright" or part is None:
            continue
        other = part_of(module.removeprefix("tilewright."))
        if other is None or other == part:
            continue
        if not any(other == allowed or other.startswith(f"{allowed}.") for allowed in ALLOWED[part]):
            broken.add(module.removeprefix("tilewright."))
    modules = {module for module in broken if not any(module.startswith(f"{each}.") for each in broken)}
    return modules


def test_imports_follow_the_rule():
    found = {str(path.relative_to(ROOT)): broken_by(path) for path in sources()}
    assert {path: modules for path, modules in found.items() if modules} == EXCEPTIONS


@pytest.mark.parametrize("path", sorted((ROOT / "gem5_configs").glob("gem5_*.py")), ids=lambda path: path.name)
def test_what_gem5_runs_needs_only_gem5(path):
    # gem5 has a Python of its own, which has none of our dependencies.
    beside = {file.stem for file in path.parent.glob("gem5_*.py")}
    allowed = {"m5", "gem5", *beside, *sys.stdlib_module_names}
    assert {module.split(".")[0] for module in imported(path)} <= allowed


def test_the_rule_is_not_empty(tmp_path):
    # The reader of imports sees what it must see.
    file = ROOT / "mapping" / "map.py"
    assert "tilewright.sim.machine.accelerator.accelerator" in imported(file)
    assert part_of("sim.config.load") == "sim.config"
    assert part_of("hw.cim.tile") == "hw"
