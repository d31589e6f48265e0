"""``tilewright cosim``."""

import importlib
import os
from pathlib import Path

import click

from tilewright.cli.blocks import COSIMS
from tilewright.cli.output import console, json_option, make_folder, out_option, print_json, progress, write_json
from tilewright.sim.config import ConfigError, suggest


@click.command(name="cosim", epilog="Example: tilewright cosim cim-tile --design 64x64 --out build")
@click.argument("name", metavar="NAME")
@click.option("--design", help="Only the designs whose name contains this text.")
@click.option("--jobs", type=click.IntRange(1, 256), default=None, help="Designs at a time. [default: all cores]")
@out_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, name: str, design: str | None, jobs: int | None, folder: Path | None, as_json: bool
) -> None:
    """Run RTL under Verilator beside its cycle model: values against numpy, cycles against the model.

    NAME is a co-simulation of `tilewright list`. Built models are kept and used again. With --out, writes
    cosim-NAME.json. Exit status 1 if a value or a cycle differs.
    """
    if name not in COSIMS:
        raise ConfigError(f"unknown co-simulation '{name}'{suggest(name, COSIMS)}")
    from tilewright import tools

    for find in (tools.find_verilator, tools.find_compiler, tools.find_make, tools.find_libpython):
        find()
    if folder:
        make_folder(folder)

    from tilewright.cli.tables import print_cosim
    from tilewright.cocotb_tests.runner import BenchError, SimulationError

    table = importlib.import_module(COSIMS[name].module)
    designs = tuple(d for d in table.DESIGNS if design is None or design in d.name)
    if not designs:
        raise ConfigError(f"unknown design '{design}'{suggest(design or '', [d.name for d in table.DESIGNS])}")
    done: dict[str, list[dict]] = {}
    try:
        with progress("building and running", len(designs)) as tell:
            for finished, rows in table.cosim(designs, jobs or len(os.sched_getaffinity(0))):
                done[finished.name] = rows
                tell(finished.name)
    except (BenchError, SimulationError) as error:
        click.echo(f"tilewright: {error}", err=True)
        ctx.exit(1)
    cases = [row for d in designs for row in done[d.name]]
    result = {"cosim": name, "designs": len(designs), "cases": cases}
    file = write_json(folder / f"cosim-{name}.json", result) if folder else None
    if as_json:
        print_json(result)
    else:
        print_cosim(console(), cases)
        if file:
            console().print(f"wrote {file}")
    ctx.exit(int(any(row["mismatches"] or row["rtl_cycles"] != row["model_cycles"] for row in cases)))
