"""The command ``tilewright export``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.tables import terminal_table
from tilewright.cli.option_errors import named_as_options
from tilewright.cli.output import console, json_option, make_folder, print_json, print_written
from tilewright.cli.set_option import changed_system, set_option
from tilewright.cli.waiting import status

if TYPE_CHECKING:
    from rich.table import Table


@click.command(
    name="export", epilog="Example: tilewright export slate-132k --system small --capacity 64 --out build/export"
)
@click.argument("model", metavar="MODEL")
@click.option(
    "--system", "system_name", default="edge-int8", show_default=True, help="Preset or TOML file of the system."
)
@set_option("system", "memory.latency_ns=50")
@click.option(
    "--capacity", type=int, help="Number of positions for which the cache has room. [default: all of the model]"
)
@click.option(
    "--equalise/--no-equalise", default=True, show_default=True,
    help="Even out columns of weights, on typical texts, and lose less where numbers become INT8.",
)  # fmt: skip
@click.option("--out", "folder", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@json_option
def command(
    model: str,
    system_name: str,
    changes: tuple[str, ...],
    capacity: int | None,
    equalise: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Compile a decoder once, for a host that has no compiler.

    MODEL is a folder with a config.json and weights, a GGUF file, a checkpoint of llama2.c, or a shipped model that has
    weights. The command writes memory.bin, the content of the accelerator's memory with weights, an empty cache and
    all programs; embeddings.bin, a row for each token; and decoder.json, which says where a host writes the words of a
    position and the embeddings of tokens, which program it starts, and where the logits are then.
    """
    from tilewright.api.export import export_decoder

    with named_as_options(lambda: ("capacity",)):
        system = changed_system(system_name, changes)
        with status(f"compiling {model} for {system.name}"):
            exported = export_decoder(model, system=system, capacity=capacity, equalise=equalise)
    make_folder(folder)
    with status(f"writing {model}"):
        files = exported.write(folder)
    if as_json:
        print_json(exported.to_dict(), files)
        return
    console().print(_table(exported.to_dict()))
    print_written(files)


def _table(exported: dict) -> "Table":
    """Return the table of the programs."""
    table = terminal_table(
        ("program", ">positions", ">words", ">logits"),
        title=f"{exported['model']} on {exported['system']}: {exported['memory_bytes']:,} bytes of memory",
        caption="words: what a host writes for a position, beside the embeddings of the tokens",
    )
    for program in exported["programs"]:
        tokens, positions = program["tokens"], program["positions"]
        which = ("even " if positions["first"] == 0 else "odd ") if tokens == 1 and positions["step"] == 2 else ""
        table.add_row(
            "single token" if tokens == 1 else f"chunk of {tokens} tokens",
            f"{which}below {positions['below']:,}",
            f"{len(program['words'])}",
            "yes" if "logits" in program else "no",
        )
    return table
