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
from tilewright.cli.set_option import changed_system
from tilewright.cli.waiting import progress

PROGRAM_RUNNER = "accelerator"
"""Name of the co-simulation that can run any program."""
MODEL_RUNNERS = ("layer", "model")
"""Names of the co-simulations of a user's model."""
TOKENS = 16
"""Default number of tokens in the prompt of a user's model."""


@click.command(
    name="cosim",
    epilog="Example: tilewright cosim accelerator --program examples/product.asm --system small --out build",
)
@click.argument("name", metavar="[NAME]", required=False)
@click.argument("model", metavar="[MODEL]", required=False)
@click.option("--layer", type=int, help="Layer of MODEL to run, counted from 0. [default: 0]")
@click.option("--tokens", type=int, help=f"Number of tokens in the prompt of MODEL. [default: {TOKENS}]")
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE",
              help="Plan of `tilewright precision` whose rounded weights take the place of MODEL's.")  # fmt: skip
@click.option("--design", help="Run only the designs whose name contains this text.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=None,
    help="Number of designs that run at a time. [default: all cores]",
)
@click.option("--case", metavar="CASE", help="Run only the case of this name, of the designs that have it.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), metavar="N",
              help="Seed of the random numbers in the cases. [default: the same ones each time]")  # fmt: skip
@click.option("--waves", is_flag=True,
              help="Write a wave file of each simulation, to --out or the current folder, and a list of signals for "
              "GTKWave.")  # fmt: skip
@click.option("--coverage", is_flag=True,
              help="Count what happens in each design: blocks of its Verilog that run, bits that toggle, streams that "
              "move and that wait. Writes three files for each to --out or the current folder.")  # fmt: skip
@click.option("--verilog", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
              help="Verilog of a circuit with the same ports to run instead of the generated one; can be given several "
              "times.")  # fmt: skip
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
    model: str | None,
    layer: int | None,
    tokens: int | None,
    plan: Path | None,
    design: str | None,
    jobs: int | None,
    case: str | None,
    seed: int | None,
    waves: bool,
    coverage: bool,
    verilog: tuple[Path, ...],
    program: Path | None,
    markdown: bool,
    folder: Path | None,
    as_json: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """Run RTL under Verilator beside its exact model and compare values and cycles.

    NAME is a co-simulation of `tilewright list`; it may be left out with --program. `layer MODEL` runs a layer of a
    model on --system, and `model MODEL` the whole decoder: a prompt of random tokens, then a single token;
    `layer minilm` runs a layer of MiniLM on a sentence. A model without weights gets random ones; how near the result
    comes to float64 is shown. With --plan, each matrix has the format of the plan. Verilated models are kept and used
    again. With --out, writes cosim-NAME.json. Waves are in the form FST if the C++ compiler finds zlib and LZ4, else in
    VCD; a failed simulation leaves them, too. Coverage is a summary in JSON, a tracefile of lcov (.info) and the
    Verilog whose lines it names. With --verilog, one design must be chosen; the harness around it stays. The exit
    status is 1 if a value, a cycle or a counter differs, and 3 if a tool fails.
    """
    name = _named(
        name, program, options, design=design, case=case, seed=seed, model=model, layer=layer, tokens=tokens, plan=plan
    )
    from tilewright.api.cosim import find_tools, model_suite_of, program_suite_of, run_cosim, run_options, suites

    if coverage and waves:
        raise ConfigError("--coverage is not allowed with --waves: each has a model of its own")
    with named_as_options(lambda: ("seed", "waves", "coverage", "verilog", "latency", "bandwidth", "layer", "tokens")):
        if program:
            chosen = [program_suite_of(load_program(program, **options))]
        elif model:
            system = changed_system(options["system_name"], options["changes"])
            count = TOKENS if tokens is None else tokens
            chosen = [model_suite_of(name, model, system, layer=layer or 0, tokens=count, plan=plan)]
        else:
            chosen = list(suites(name, design, case=case, seed=seed))
        find_tools()
        if folder:
            make_folder(folder)
        to = folder or Path()
        how = run_options(
            name, chosen, case=case, waves=to if waves else None, coverage=to if coverage else None, verilog=verilog
        )
    from tilewright.cocotb_tests.harness.wave_format import HOW_TO_GET_FST

    if how.waves and how.waves.format == "vcd":
        click.echo(f"tilewright: waves are written in VCD: {HOW_TO_GET_FST}", err=True)

    from tilewright.cli.tables import print_cosim, print_rtl_coverage
    from tilewright.cocotb_tests.runner import BenchError

    try:
        text = f"building and running {name}"
        with named_as_options(lambda: ("max_cycles",)), progress(text, len(chosen)) as done:
            result = run_cosim(name, chosen, jobs=jobs, options=how, done=done)
    except BenchError as error:
        click.echo(f"tilewright: {error}", err=True)
        for file in error.files:
            click.echo(f"tilewright: wrote {file}", err=True)
        ctx.exit(1)
    files = [*(result.write(folder) if folder else []), *result.wave_files, *result.coverage_files]
    if as_json:
        print_json(result.to_dict(), files)
    elif as_csv:
        print_csv(result.cases)
    else:
        print_cosim(console(), list(result.cases), markdown=markdown)
        print_rtl_coverage(console(), result.coverage, markdown=markdown)
        print_written(files)
    ctx.exit(int(not result.passed))


def _named(
    name: str | None,
    program: Path | None,
    options: dict[str, Any],
    *,
    model: str | None,
    layer: int | None,
    tokens: int | None,
    plan: Path | None,
    **of_suites: Any,
) -> str:
    """Return the name of the co-simulation, given the options of programs, of models, and those of suites.

    Raises
    ------
    ConfigError
        If there is none, or options do not go together.
    """
    of_models = {"layer": layer, "tokens": tokens, "plan": plan}
    if name in MODEL_RUNNERS and not program:
        _check_model(name, model, options, {**of_suites, "layer": layer if name != "layer" else None})
        return name
    if model is not None:
        raise ConfigError(f"'{model}' is not allowed after '{name}': a model goes with {' or '.join(MODEL_RUNNERS)}")
    for option, value in of_models.items():
        if value is not None:
            raise ConfigError(f"--{option} is not allowed without a model: cosim {' or '.join(MODEL_RUNNERS)} MODEL")
    if program:
        if name not in (None, PROGRAM_RUNNER):
            raise ConfigError(f"--program {program} is not allowed with '{name}': only with '{PROGRAM_RUNNER}'")
        for option, value in of_suites.items():
            if value is not None:
                raise ConfigError(
                    f"--{option} {value} is not allowed with --program: --system and FILE say what runs on what"
                )
        return PROGRAM_RUNNER
    for option, value in options.items():
        if value not in (None, ()):
            option = {"system_name": "system", "changes": "set"}.get(option, option.replace("_", "-"))
            raise ConfigError(f"--{option} is not allowed without --program")
    if name is None:
        raise ConfigError(f"NAME is missing: one of {', '.join(COSIMS)}, or --program FILE")
    return name


def _check_model(name: str, model: str | None, options: dict[str, Any], refused: dict[str, Any]) -> None:
    """Check the options of a co-simulation of a user's model."""
    if model is None:
        raise ConfigError(f"MODEL is missing: cosim {name} MODEL --system SYSTEM")
    if options["system_name"] is None:
        raise ConfigError("--system is missing: name the preset or TOML file that runs the model")
    others = {key: value for key, value in options.items() if key not in ("system_name", "changes")}
    for option, value in {**refused, **others}.items():
        if value not in (None, ()):
            raise ConfigError(f"--{option.replace('_', '-')} is not allowed with '{name} MODEL'")
