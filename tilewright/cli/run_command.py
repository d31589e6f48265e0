"""The command ``tilewright run``."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

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
from tilewright.cli.set_option import changed_system, set_option
from tilewright.cli.waiting import status

if TYPE_CHECKING:
    from tilewright.api.text import PreparedText
    from tilewright.mapping.written import WrittenText


@click.command(
    name="run",
    epilog="Example: tilewright run slate-132k --prompt 'forty seven plus eighteen is' --system small",
)
@click.argument("model", metavar="MODEL")
@click.option("--prompt", default="", help="Text to go on with. [default: none]")
@click.option(
    "--chat", is_flag=True, help="The prompt is a message: the model's own template of chats makes it a text."
)
@click.option(
    "--equalise/--no-equalise", default=True, show_default=True,
    help="Even out columns of weights, on typical texts, and lose less where numbers become INT8.",
)  # fmt: skip
@click.option(
    "--finest", is_flag=True,
    help="Store activations in FP32, and give the inputs of all products but o parts with scales of their own, where "
    "weights are INT8: loses the least, and prompts of large models take more cycles.",
)  # fmt: skip
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE",
              help="Plan of `tilewright precision` whose rounded weights take the place of the model's.")  # fmt: skip
@click.option("--tokens", type=click.IntRange(1, 1 << 20), default=64, show_default=True,
              help="Number of tokens to write, unless the text ends before.")  # fmt: skip
@click.option(
    "--system", "system_name", default="edge-int8", show_default=True, help="Preset or TOML file of the system."
)
@set_option("system", "memory.latency_ns=50")
@click.option(
    "--rtl", is_flag=True, help="Run every program in the system's Verilog, too, and compare memory and cycles."
)
@click.option("--temperature", type=float, default=0.0, show_default=True,
              help="Divisor of the logits before a token is drawn; 0 takes the most probable token.")  # fmt: skip
@click.option("--top-k", type=int, default=0, show_default=True,
              help="Number of most probable tokens among which one is drawn; 0 stands for all.")  # fmt: skip
@click.option("--top-p", type=float, default=1.0, show_default=True,
              help="Draw among the fewest tokens whose probabilities add up to this.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the draws.")
@click.option("--capacity", type=int,
              help="Number of positions for which the cache has room. [default: prompt and tokens]")  # fmt: skip
@click.option(
    "--compare",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Compare with the float64 reference on the text of FILE; without FILE on the text that is written.",
)
@click.option("--trace", is_flag=True, help="Write a timeline of all programs, for ui.perfetto.dev.")
@click.option("--waves", is_flag=True, help="Write a wave file of the simulation; needs --rtl.")
@out_option
@json_option
@csv_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    prompt: str,
    chat: bool,
    equalise: bool,
    finest: bool,
    plan: Path | None,
    tokens: int,
    system_name: str,
    changes: tuple[str, ...],
    rtl: bool,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int,
    capacity: int | None,
    compare: str | None,
    trace: bool,
    waves: bool,
    folder: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Let a model write a text on the exact model of an accelerator.

    MODEL is a folder with a config.json and weights, a GGUF file, a checkpoint of llama2.c, or a shipped model that has
    weights. The text is printed as it comes, then tokens, cycles, bounds and energy. Programs are compiled before the
    first token, and none after it. With --rtl, all programs run in one simulation; each next token is chosen from the
    logits in the memory of the RTL, and after each program all of memory and all counters are compared with the exact
    model. The exit status is 1 if they differ. --compare says how near the arithmetic comes to the float64 reference.
    With --out, the command writes text.json; --trace adds text.trace.json, --waves a wave file.
    """
    if waves and not rtl:
        raise ConfigError("--waves is not allowed without --rtl: the exact model has no signals")
    from tilewright.api.text import prepare_text
    from tilewright.base.reading import read_text
    from tilewright.mapping.models.sampling import Sampling

    quiet = as_json or as_csv
    read = read_text(Path(compare)) if compare else compare
    if compare and not read:
        raise ConfigError(f"--compare {compare}: the file is empty")
    with named_as_options(lambda: ("prompt", "chat", "finest", "temperature", "top_k", "top_p", "seed", "capacity")):
        system = changed_system(system_name, changes)
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        with status(f"reading {model} for {system.name}"):
            text = prepare_text(
                model, prompt, system=system, tokens=tokens, sampling=sampling, capacity=capacity,
                chat=chat, equalise=equalise, finest=finest, plan=plan,
            )  # fmt: skip
        if folder:
            make_folder(folder)
    result = _written(ctx, text, rtl=rtl, timeline=trace, waves=(folder or Path()) if waves else None, quiet=quiet)
    if read is not None:
        with named_as_options(lambda: ("compare",)), status("comparing with the float64 reference"):
            result = text.compared(result, read)
    files = [*(result.write(folder or Path()) if folder or trace else []), *result.wave_files]
    if as_json:
        print_json(result.to_dict(), files)
    elif as_csv:
        print_csv([row.to_dict() for row in result.programs])
    else:
        from tilewright.cli.text_table import print_text

        print_text(console(), result)
        print_written(files)
    ctx.exit(int(not result.passed))


def _written(
    ctx: click.Context, text: "PreparedText", *, rtl: bool, timeline: bool, waves: Path | None, quiet: bool
) -> "WrittenText":
    """Write a text; print it as it comes, unless ``quiet``."""
    from tilewright.base.text import printable

    def show(piece: str) -> None:
        click.echo("\n".join(map(printable, piece.split("\n"))), nl=False)

    on_text = None if quiet else show
    if not rtl:
        return _shown(text, quiet, lambda: text.write(timeline=timeline, on_text=on_text))
    from tilewright.cocotb_tests.harness.wave_format import format_of
    from tilewright.cocotb_tests.runner import BenchError

    with named_as_options(lambda: ("waves",)), status(f"building {text.job.system.name} in Verilator"):
        simulation = text.simulation(waves)
        simulation.suite.build(waves=format_of(simulation.waves) if simulation.waves else None)
    try:
        return _shown(text, quiet, lambda: text.write_in_rtl(simulation, timeline=timeline, on_text=on_text))
    except BenchError as error:
        click.echo(f"tilewright: {error}", err=True)
        for file in error.files:
            click.echo(f"tilewright: wrote {file}", err=True)
        ctx.exit(1)


def _shown(text: "PreparedText", quiet: bool, write: Callable[[], "WrittenText"]) -> "WrittenText":
    if quiet:
        with status(f"writing with {text.name} on {text.job.system.name}"):
            return write()
    click.echo(text.prompt, nl=text.chat)
    try:
        return write()
    finally:
        click.echo()
