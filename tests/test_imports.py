"""Who may import whom, read off the sources."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("hw", "sim", "mapping", "gem5_configs", "cocotb_tests", "tilewright", "tests")

ALLOWED = {
    # part of the tree: parts of ours that it may import, besides itself
    "sim.formats": set(),
    "sim.config": {"sim.formats"},
    "sim": {"sim"},
    "hw": {"sim.formats", "sim.config"},
    "mapping": {"sim"},
    "gem5_configs": {"sim", "tools", "cache"},
    "cocotb_tests": {"sim", "hw", "mapping", "tools", "cache"},
    "tools": {"sim.config"},
    "cache": {"sim.config"},
    "cli": {"sim", "hw", "mapping", "gem5_configs", "cocotb_tests", "tools", "cache"},
}


def sources() -> list[Path]:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    # tilewright/hw and its like are links to the folders themselves.
    return [path for path in files if not any(parent.is_symlink() for parent in path.parents)]


def imported(path: Path) -> list[str]:
    """Return the modules that a file imports, relative imports resolved."""
    package = ["tilewright", *path.relative_to(ROOT).parts[:-1]]
    if package[1:2] == ["tilewright"]:
        package.pop(0)
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return names


def part_of(name: str) -> str | None:
    """Return the longest known part that a dotted path without ``tilewright`` lies in."""
    matches = [part for part in ALLOWED if name == part or name.startswith(f"{part}.")]
    return max(matches, key=len, default=None)


def test_there_are_sources_of_every_part():
    found = {part_of(".".join(path.relative_to(ROOT).with_suffix("").parts)) for path in sources()}
    assert {"hw", "sim", "sim.config", "mapping", "gem5_configs", "cocotb_tests"} <= found


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_rule(path):
    relative = path.relative_to(ROOT)
    name = ".".join(relative.with_suffix("").parts).removeprefix("tilewright.")
    part = part_of(name)
    for module in imported(path):
        top = module.split(".")[0]
        assert top not in ("hw", "sim", "mapping", "cocotb_tests", "gem5_configs"), f"{module}: import tilewright.{top}"
        if top != "tilewright" or part is None:
            continue
        other = part_of(module.removeprefix("tilewright."))
        if other is None or other == part:
            continue
        allowed = ALLOWED[part]
        assert other in allowed or other.split(".")[0] in allowed, f"{part} must not import {module}"


@pytest.mark.parametrize("path", sorted((ROOT / "gem5_configs").glob("gem5_*.py")), ids=lambda path: path.name)
def test_what_gem5_runs_needs_only_gem5(path):
    # gem5 has a Python of its own, which has none of our dependencies.
    beside = {file.stem for file in path.parent.glob("gem5_*.py")}
    allowed = {"m5", "gem5", *beside, *sys.stdlib_module_names}
    assert {module.split(".")[0] for module in imported(path)} <= allowed


def test_the_rule_is_not_empty(tmp_path):
    # The reader of imports sees what it must see.
    file = ROOT / "mapping" / "result.py"
    assert "tilewright.sim.machine.accelerator.accelerator" in imported(file)
    assert part_of("sim.config.load") == "sim.config"
    assert part_of("hw.cim.tile") == "hw"
