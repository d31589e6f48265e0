"""The command ``tilewright cosim``."""

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tilewright.api.cosims import COSIMS
from tilewright.base.errors import ConfigError, suggest
from tilewright.base.files import write_json
from tilewright.cli.output import console, json_option, make_folder, out_option, print_json, progress
from tilewright.cli.program_options import load_program, program_options

if TYPE_CHECKING:
    from tilewright.cocotb_tests.harness.suite import Suite

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
    **options: Any,
) -> None:
    """Run RTL under Verilator beside its exact model and compare values and cycles.

    NAME is a co-simulation of `tilewright list`; it may be left out with --program. Verilated models are kept and
    used again. With --out, writes cosim-NAME.json. The exit status is 1 if a value, a cycle or a counter differs,
    and 3 if a tool fails.
    """
    name = _named(name, program, design, options)
    suites = (_program_suite(program, options),) if program else _suites(name, design)
    from tilewright.base import tools
    from tilewright.base.cache import require_cache
    from tilewright.base.tool_runs import time_limit

    for find in (tools.find_verilator, tools.find_compiler, tools.find_make, tools.find_libpython):
        find()
    require_cache()
    time_limit()
    if folder:
        make_folder(folder)

    from tilewright.cli.tables import print_cosim
    from tilewright.cocotb_tests.runner import BenchError, run_suites

    done: dict[str, list[dict]] = {}
    try:
        with progress("building and running", len(suites)) as tell:
            for finished, rows in run_suites(suites, jobs or len(os.sched_getaffinity(0))):
                done[finished.name] = rows
                tell(finished.name)
    except BenchError as error:
        click.echo(f"tilewright: {error}", err=True)
        ctx.exit(1)
    cases = [row for suite in suites for row in done[suite.name]]
    result = {"cosim": name, "designs": len(suites), "cases": cases}
    file = write_json(folder / f"cosim-{name}.json", result) if folder else None
    if as_json:
        print_json(result)
    else:
        print_cosim(console(), cases, markdown=markdown)
        if file:
            console().print(f"wrote {file}")
    ctx.exit(int(any(_differs(row) for row in cases)))


def _named(name: str | None, program: Path | None, design: str | None, options: dict[str, Any]) -> str:
    """Return the name of the co-simulation.

    Raises
    ------
    ConfigError
        If there is none of that name, or options do not go together.
    """
    if program:
        if name not in (None, PROGRAM_RUNNER):
            raise ConfigError(f"--program {program} is not allowed with '{name}': only with '{PROGRAM_RUNNER}'")
        if design is not None:
            raise ConfigError(f"--design {design} is not allowed with --program: --system says what it runs on")
        return PROGRAM_RUNNER
    for option, value in options.items():
        if value not in (None, ()):
            option = {"system_name": "system", "images": "memory"}.get(option, option.replace("_", "-"))
            raise ConfigError(f"--{option} is not allowed without --program")
    if name is None:
        raise ConfigError(f"NAME is missing: one of {', '.join(COSIMS)}, or --program FILE")
    if name not in COSIMS:
        raise ConfigError(f"unknown co-simulation '{name}'{suggest(name, COSIMS)}")
    return name


def _suites(name: str, design: str | None) -> tuple["Suite", ...]:
    """Return the suites of a co-simulation whose names contain a text, or all of them."""
    table: tuple[Suite, ...] = importlib.import_module(COSIMS[name].module).SUITES
    suites = tuple(suite for suite in table if design is None or design in suite.name)
    if not suites:
        raise ConfigError(f"unknown design '{design}'{suggest(design or '', [suite.name for suite in table])}")
    return suites


def _program_suite(file: Path, options: dict[str, Any]) -> "Suite":
    """Return the suite that runs a program."""
    loaded = load_program(file, **options)
    from tilewright.cocotb_tests.accelerator.program_suite import program_suite
    from tilewright.cocotb_tests.npe.cases import Timing

    timing = Timing(
        latency=loaded.latency, rate=loaded.rate, write_latency=loaded.latency, write_rate=loaded.rate
    )  # fmt: skip
    return program_suite(
        loaded.config,
        name=file.name,
        memory=loaded.memory,
        address=loaded.address,
        commands=loaded.commands,
        timing=timing,
        max_cycles=loaded.max_cycles,
    )


def _differs(row: dict) -> bool:
    return bool(row["mismatches"] or row["rtl_cycles"] != row["model_cycles"] or row.get("found"))
