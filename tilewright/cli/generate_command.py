"""The command ``tilewright generate``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.files import write_json, write_text
from tilewright.cli.block_group import BlockGroup
from tilewright.cli.output import console, json_option, make_folder, print_json, status

if TYPE_CHECKING:
    from tilewright.hw.generate import Design


def _generate(name: str, design: "Design", folder: Path, as_json: bool) -> None:
    make_folder(folder)
    if as_json:
        block = design.generate()
    else:
        with status(f"generating {name}"):
            block = design.generate()
    verilog = write_text(folder / f"{block.name}.v", block.verilog)
    ports = write_json(folder / f"{block.name}.ports.json", block.ports)
    if as_json:
        print_json({**block.ports, "files": [str(verilog), str(ports)]})
        return
    console().print(block.summary)
    for path in (verilog, ports):
        console().print(f"wrote {path}")


command = BlockGroup(
    name="generate",
    help="Write the Verilog of a block and a description of its ports.",
    epilog="Example: tilewright generate cim-tile --rows 64 --columns 64 --weight-bits 4 --input-bits 8 --out build",
    run=_generate,
    extra=[
        click.option("--out", "folder", type=click.Path(path_type=Path), default=Path(), help="Folder to write to."),
        json_option,
    ],
    does="Writes MODULE.v and MODULE.ports.json.",
)
