"""The Python files of the tree and the modules that they import."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("hw", "sim", "mapping", "gem5_configs", "cocotb_tests", "tilewright", "tests")


def sources() -> list[Path]:
    """Return every Python file of the tree, once."""
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
