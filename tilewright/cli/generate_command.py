"""The command ``tilewright generate``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.errors import ConfigError
from tilewright.cli.block_group import BlockGroup
from tilewright.cli.output import console, json_option, make_folder, print_json, print_written, tables_option
from tilewright.cli.waiting import status

if TYPE_CHECKING:
    from tilewright.hw.generate import Design


def _generate(name: str, design: "Design", module: str | None, tables: str, folder: Path, as_json: bool) -> None:
    if module is not None:
        try:
            design = design.named(module)
        except ValueError as error:
            raise ConfigError(f"--{error}") from error
    design = design.with_tables(tables)
    make_folder(folder)
    with status(f"generating {name}"):
        block = design.generate()
    files = block.write(folder)
    if as_json:
        print_json(block.to_dict(), files)
        return
    console().print(block.summary)
    print_written(files)


command = BlockGroup(
    name="generate",
    help="Write the Verilog of a block and a description of its ports.",
    epilog="Example: tilewright generate cim-tile --rows 64 --columns 64 --weight-bits 4 --input-bits 8 --out build",
    run=_generate,
    extra=[
        click.option(
            "--name",
            "module",
            help="Name of the top module and of the files. The names of all other modules begin with it, so that "
            "designs of different names can be in one chip. [default: the block's name]",
        ),
        tables_option,
        click.option("--out", "folder", type=click.Path(path_type=Path), default=Path(), help="Folder to write to."),
        json_option,
    ],
    does="Writes MODULE.v, MODULE.ports.json and MODULE.vlt, the lint waivers for Verilator.",
)
