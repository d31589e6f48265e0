"""The command ``tilewright cache``."""

from typing import Any

import click

from tilewright.cli.output import console, json_option, print_json


@click.command(name="cache", epilog="Example: tilewright cache --check")
@click.option("--check", is_flag=True, help="Compare the digest of each entry, and remove those that are damaged.")
@click.option("--clear", is_flag=True, help="Remove all entries, the machine code of Yosys among them.")
@json_option
def command(check: bool, clear: bool, as_json: bool) -> None:
    """Show what is kept between runs: Verilated models, results of synthesis, workloads, runs of gem5, Yosys.

    The folder is TILEWRIGHT_CACHE, or tilewright in the user's cache folder; the machine code of Yosys is in the
    folders of YoWASP and wasmtime. Damaged entries are also found when they are used, and made anew. Both --check
    and --clear remove what killed commands have left.
    """
    from tilewright.base import cache_contents
    from tilewright.base.cache import cache_folder
    from tilewright.base.errors import ConfigError

    if check and clear:
        raise ConfigError("--check and --clear exclude each other: what is cleared need not be checked")
    found = cache_contents.contents(check=check)
    sizes = [each.size for each in found]
    if check:
        cache_contents.mend(found)
    if clear:
        cache_contents.clear()
    rows: list[dict[str, Any]] = [
        {
            "kind": each.kind,
            "folder": str(each.folder),
            "entries": len(each.entries),
            "bytes": size,
            "damaged": len(each.damaged) if check else None,
            "unfinished": len(each.litter),
        }
        for each, size in zip(found, sizes, strict=True)
    ]
    done = "cleared" if clear else "checked" if check else "shown"
    if as_json:
        print_json({"cache": str(cache_folder()), "done": done, "kinds": rows})
        return
    from tilewright.base.tables import terminal_table

    headings = ("kind", ">entries", ">MB", ">damaged", ">left by killed commands", "folder")
    table = terminal_table(headings, title=f"cache {cache_folder()}, {done}", fold=("kind", "folder"))
    for row in rows:
        damaged = "-" if row["damaged"] is None else str(row["damaged"])
        table.add_row(
            row["kind"],
            str(row["entries"]),
            f"{row['bytes'] / 1e6:,.1f}",
            damaged,
            str(row["unfinished"]),
            row["folder"],
        )
    console().print(table)
    if check:
        console().print("Damaged entries and unfinished ones are removed; they are made anew when they are needed.")
    if clear:
        console().print("The entries that the table lists are removed.")
