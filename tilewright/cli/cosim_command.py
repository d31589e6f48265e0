"""The command ``tilewright cosim``."""

from pathlib import Path
from typing import Any

import click

from tilewright.api.cosims import COSIMS
from tilewright.base.errors import ConfigError
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
from tilewright.cli.waiting import progress

PROGRAM_RUNNER = "accelerator"
"""Name of the co-simulation that can run any program."""


@click.command(
    name="cosim",
    epilog="Example: tilewright cosim accelerator --program examples/product.asm --system small --out build",
)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--design", help="Run only the designs whose name contains this text.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=None,
    help="Number of designs that run at a time. [default: all cores]",
)
@click.option("--program", type=click.Path(path_type=Path), metavar="FILE",
              help="Program of the accelerator to run instead, as text or bytes, with the options below.")  # fmt: skip
@program_options
@click.option("--markdown", is_flag=True, help="Print the table as Markdown, as in docs/accelerator.md.")
@out_option
@json_option
@csv_option
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    design: str | None,
    jobs: int | None,
    program: Path | None,
    markdown: bool,
    folder: Path | None,
    as_json: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """Run RTL under Verilator beside its exact model and compare values and cycles.

    NAME is a co-simulation of `tilewright list`; it may be left out with --program. Verilated models are kept and
    used again. With --out, writes cosim-NAME.json. The exit status is 1 if a value, a cycle or a counter differs,
    and 3 if a tool fails.
    """
    name = _named(name, program, design, options)
    from tilewright.api.cosim import find_tools, program_suite_of, run_cosim, suites

    chosen = [program_suite_of(load_program(program, **options))] if program else suites(name, design)
    find_tools()
    if folder:
        make_folder(folder)

    from tilewright.cli.tables import print_cosim
    from tilewright.cocotb_tests.runner import BenchError

    try:
        text = f"building and running {name}"
        with named_as_options(lambda: ("max_cycles",)), progress(text, len(chosen)) as done:
            result = run_cosim(name, chosen, jobs=jobs, done=done)
    except BenchError as error:
        click.echo(f"tilewright: {error}", err=True)
        ctx.exit(1)
    files = result.write(folder) if folder else []
    if as_json:
        print_json(result.to_dict(), files)
    elif as_csv:
        print_csv(result.cases)
    else:
        print_cosim(console(), list(result.cases), markdown=markdown)
        print_written(files)
    ctx.exit(int(not result.passed))


def _named(name: str | None, program: Path | None, design: str | None, options: dict[str, Any]) -> str:
    """Return the name of the co-simulation.

    Raises
    ------
    ConfigError
        If there is none, or options do not go together.
    """
    if program:
        if name not in (None, PROGRAM_RUNNER):
            raise ConfigError(f"--program {program} is not allowed with '{name}': only with '{PROGRAM_RUNNER}'")
        if design is not None:
            raise ConfigError(f"--design {design} is not allowed with --program: --system says what it runs on")
        return PROGRAM_RUNNER
    for option, value in options.items():
        if value not in (None, ()):
            option = {"system_name": "system", "changes": "set"}.get(option, option.replace("_", "-"))
            raise ConfigError(f"--{option} is not allowed without --program")
    if name is None:
        raise ConfigError(f"NAME is missing: one of {', '.join(COSIMS)}, or --program FILE")
    return name
