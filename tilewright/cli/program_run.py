"""The command ``tilewright program run``."""

from pathlib import Path
from typing import Any

import click

from tilewright.cli.option_errors import named_as_options
from tilewright.cli.output import (
    console,
    csv_option,
    json_option,
    make_folder,
    out_option,
    print_csv,
    print_json,
    print_written,
)
from tilewright.cli.program_options import load_program, program_options
from tilewright.cli.waiting import status


@click.command(name="run", epilog="Example: tilewright program run examples/product.asm --system small --out build/run")
@click.argument("file", type=click.Path(path_type=Path))
@program_options
@out_option
@json_option
@csv_option
@click.pass_context
def run_command(
    ctx: click.Context, file: Path, folder: Path | None, as_json: bool, as_csv: bool, **options: Any
) -> None:
    """Run a program on the exact model of the accelerator.

    FILE is text for `program assemble`, or the bytes that it writes. The scratchpad holds zeros at the start.
    With --out, the command writes run.json, memory.bin (all of memory after the run) and run.trace.json (a timeline;
    open it in ui.perfetto.dev). The exit status is 1 if the program is stopped by an error.
    """
    from tilewright.api.programs import run

    program = load_program(file, **options)
    if folder:
        make_folder(folder)
    with named_as_options(lambda: ("max_cycles",)), status(f"running {file} on {program.system.name}"):
        result = run(program, timeline=folder is not None)
    files = result.write(folder) if folder else []
    if as_json:
        print_json(result.to_dict(), files)
    elif as_csv:
        print_csv([result.to_dict()])
    else:
        from tilewright.cli.tables import print_run

        print_run(console(), result.to_dict())
        print_written(files)
    ctx.exit(1 if result.error else 0)
