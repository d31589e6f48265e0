"""The command ``tilewright compare``."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.errors import ConfigError
from tilewright.base.files import write_json, write_text
from tilewright.cli.output import console, json_option, make_folder, out_option, print_json

if TYPE_CHECKING:
    from tilewright.cli.comparison import Group, Results

ABSENT = "-"
"""Cell of a figure that a result does not have."""


@click.command(name="compare", epilog="Example: tilewright compare build/narrow build/wide --out build/comparison")
@click.argument("folders", metavar="FOLDER FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@out_option
@json_option
def command(folders: tuple[Path, ...], folder: Path | None, as_json: bool) -> None:
    """Print the figures of several designs side by side, with their ratios to the first.

    Each FOLDER is what map, synth, generate, cosim, program run or a cpu command wrote with --out. Each kind of result
    has a table of its own, in which a missing figure is a dash. If folders have several results of a kind, results with
    the same file name are compared. With --out, the command writes compare.json and compare.csv.
    """
    from tilewright.cli.comparison import KINDS, compare, to_csv, to_dict

    names = [str(each) for each in folders]
    if len(folders) < 2:
        raise ConfigError(f"{names[0]}: there is nothing to compare it with: give two or more folders")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"{twice}: the folder is given twice; each may be given once")
    designs = [_read(each) for each in folders]
    groups, single = compare(designs)
    if not groups:
        commands = (" and ".join(KINDS[kind].command for kind in design) for design in designs)
        there = ", ".join(f"{name} has results of {of}" for name, of in zip(names, commands, strict=True))
        raise ConfigError(f"nothing to compare: {there}, and no result is in two of them")
    data = to_dict(names, groups, single)
    files = []
    if folder:
        make_folder(folder)
        files = [write_json(folder / "compare.json", data), write_text(folder / "compare.csv", to_csv(names, groups))]
    if as_json:
        print_json({**data, "files": [str(file) for file in files]})
        return
    for group in groups:
        _print(names, group)
    for only in data["only_in_one"]:
        console().print(f"only in {only['design']}: {only['result']}")
    for file in files:
        console().print(f"wrote {file}")


def _read(folder: Path) -> "Results":
    """Return the results in a folder, by kind and file.

    Raises
    ------
    ConfigError
        If there are none, or one cannot be read.
    """
    from tilewright.base.reading import list_folder
    from tilewright.cli import results
    from tilewright.cli.comparison import KINDS
    from tilewright.gem5_configs.runs import read_runs

    readers: dict[str, Callable[[Path], dict]] = {
        "map": partial(results.read_result, results.MapFile),
        "synth": partial(results.read_result, results.SynthFile),
        "blocks": partial(results.read_result, results.PortsFile),
        "cosim": partial(results.read_result, results.CosimFile),
        "run": partial(results.read_result, results.RunFile),
        "cpu": partial(results.read_result, results.PredictFile),
        "gem5": lambda path: {"runs": [run.model_dump() for run in read_runs(path)]},
    }
    files = [path for path in list_folder(folder) if not path.name.startswith(".")]
    found = {
        kind: {path.name: readers[kind](path) for path in files if path.match(about.pattern)}
        for kind, about in KINDS.items()
    }
    if not any(found.values()):
        patterns = ", ".join(kind.pattern for kind in KINDS.values())
        raise ConfigError(f"{folder}: nothing to compare: no {patterns} in it")
    return {kind: contents for kind, contents in found.items() if contents}


def _print(designs: Sequence[str], group: "Group") -> None:
    """Print a table of a group: a column for each design, whose figures are followed by their ratios to the first."""
    from tilewright.base.tables import terminal_table
    from tilewright.cli.comparison import KINDS

    headings = ("figure", "unit", *(f">{name}" for name in designs))
    table = terminal_table(headings, title=KINDS[group.kind].command, fold=designs)
    if len(set(group.results) - {None}) > 1:
        table.add_row("result", "", *(name or ABSENT for name in group.results))
    for key, texts in group.about.items():
        table.add_row(key, "", *(text or ABSENT for text in texts))
    if table.rows:
        table.add_section()
    for row in group.rows:
        cells = [_number(row.values[0])]
        for value, ratio in zip(row.values[1:], row.ratios[1:], strict=True):
            cells.append(_number(value) + (f"  {ratio:.3g}x" if ratio is not None else ""))
        table.add_row(row.figure, row.unit, *cells)
    console().print(table)


def _number(value: float | None) -> str:
    if value is None:
        return ABSENT
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 1000 else f"{value:.4g}"
