"""The command ``tilewright synth``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.errors import ConfigError
from tilewright.cli.block_group import BlockGroup
from tilewright.cli.output import (
    console,
    csv_option,
    json_option,
    make_folder,
    out_option,
    print_csv,
    print_json,
    print_written,
    tables_option,
)
from tilewright.cli.waiting import status
from tilewright.hw.synth.power import RANGES, USUAL, Conditions

if TYPE_CHECKING:
    from tilewright.hw.generate import Design


def _synth(
    name: str,
    design: "Design",
    tables: str,
    liberty: tuple[Path, ...],
    clock_mhz: float,
    activity: float,
    output_load_ff: float,
    node_nm: float | None,
    scale_to: tuple[float, float] | None,
    clock_gates: bool,
    netlist: bool,
    folder: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    from tilewright.api.generate import scaling_of, synthesis_tools, synthesise

    if netlist and folder is None:
        raise ConfigError("--netlist needs --out, the folder to which it is written")
    conditions = Conditions(clock_mhz=clock_mhz, activity=activity, output_load_ff=output_load_ff)
    tools, library = synthesis_tools(liberty)
    factors = scaling_of(library, node_nm, scale_to)
    if folder:
        make_folder(folder)
    with status(f"generating and synthesising {name}"):
        result = synthesise(
            name,
            design.with_tables(tables),
            tools,
            library,
            conditions,
            clock_gates=clock_gates,
            with_netlist=netlist,
            factors=factors,
        )
    files = result.write(folder) if folder else []
    if as_json:
        print_json(result.to_dict(), files)
        return
    if as_csv:
        print_csv([result.to_dict()])
        return
    from tilewright.cli.synth_tables import print_synth

    print_synth(console(), [result.to_dict()])
    print_written(files)


command = BlockGroup(
    name="synth",
    help="Synthesise a block and print its cost: look-up tables, flip-flops, cells, area, path, power.",
    epilog="Example: tilewright synth cim-tile --rows 16 --columns 16 --weight-bits 4 --input-bits 4",
    run=_synth,
    extra=[
        tables_option,
        click.option(
            "--liberty",
            multiple=True,
            type=click.Path(path_type=Path),
            help="Liberty file for area, path and power, .lib or .lib.gz; again for each file of the process. "
            "[default: TILEWRIGHT_LIBERTY, or osu018 of qflow]",
        ),
        *(
            click.option(
                f"--{field.replace('_', '-')}",
                type=click.FloatRange(*RANGES[field]),
                default=getattr(USUAL, field),
                show_default=True,
                help=about,
            )
            for field, about in (
                ("clock_mhz", "Clock frequency of the power."),
                ("activity", "Number of transitions of each data input in a clock cycle, for the power."),
                ("output_load_ff", "Capacitance at each output in fF, for the power."),
            )
        ),
        click.option(
            "--node-nm",
            type=float,
            help="Node of the liberty files in nm, which they do not state; for --scale-to.",
        ),
        click.option(
            "--scale-to",
            nargs=2,
            type=float,
            metavar="NM V",
            help="Also estimate area, path and power for another process, of this node in nm and voltage in V.",
        ),
        click.option(
            "--clock-gates/--no-clock-gates",
            default=True,
            show_default=True,
            help="Gate the clocks of registers with an enable, if the liberty files have a cell for that.",
        ),
        click.option(
            "--netlist",
            is_flag=True,
            help="Write the netlist, too: of the liberty file's cells, with models of them, or else of generic gates.",
        ),
        out_option,
        json_option,
        csv_option,
    ],
    does="Results are kept, so that the same question is answered at once. With --out, writes MODULE.synth.json, and "
    "with --netlist MODULE.netlist.v and MODULE.cells.v.",
)
