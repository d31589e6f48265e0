"""The command ``tilewright synth``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.files import write_json
from tilewright.cli.block_group import BlockGroup
from tilewright.cli.output import console, json_option, make_folder, out_option, print_json, status

if TYPE_CHECKING:
    from tilewright.hw.generate import Design


def _synth(name: str, design: "Design", liberty: Path | None, folder: Path | None, as_json: bool) -> None:
    from tilewright.base.cache import remember, require_cache
    from tilewright.base.tool_runs import time_limit
    from tilewright.base.tools import find_synthesis_tools
    from tilewright.base.wasm import code_folder
    from tilewright.hw.synth import power
    from tilewright.hw.synth.flow import cost, read_liberty

    tools = find_synthesis_tools(liberty)
    require_cache()
    time_limit()
    code_folder()
    if tools.liberty:
        read_liberty(tools.liberty)  # a bad one is refused before the work starts
    if folder:
        make_folder(folder)
    with status(f"generating and synthesising {name}"):
        block = design.generate()
        figures = cost(block.verilog, block.name, tools, remember=remember("synth"))
    result = {
        "block": name,
        "module": block.name,
        "configuration": block.ports["configuration"],
        **asdict(figures),
        "power_clock_mhz": power.CLOCK_MHZ,
        "power_activity": power.ACTIVITY,
        "tools": {tool.name: tool.version for tool in (tools.yosys, tools.abc, tools.sta) if tool},
        "liberty": str(tools.liberty) if tools.liberty else None,
        "missing": list(tools.missing),
    }
    file = write_json(folder / f"{block.name}.synth.json", result) if folder else None
    if as_json:
        print_json(result)
        return
    from tilewright.cli.tables import print_synth

    print_synth(console(), [result])
    if file:
        console().print(f"wrote {file}")


command = BlockGroup(
    name="synth",
    help="Synthesise a block and print its cost: look-up tables, flip-flops, cells, area, path, power.",
    epilog="Example: tilewright synth cim-tile --rows 16 --columns 16 --weight-bits 4 --input-bits 4",
    run=_synth,
    extra=[
        click.option(
            "--liberty",
            type=click.Path(path_type=Path),
            help="Liberty file for area, path and power. [default: TILEWRIGHT_LIBERTY, or osu018 of qflow]",
        ),
        out_option,
        json_option,
    ],
    does="Results are kept, so that the same question is answered at once. With --out, writes MODULE.synth.json.",
)
