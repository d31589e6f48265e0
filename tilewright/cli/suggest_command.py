"""The command ``tilewright suggest``."""

import click

from tilewright.cli.option_errors import named_as_options
from tilewright.cli.output import console, json_option, print_json
from tilewright.cli.phase_options import context_option, phase_option
from tilewright.cli.set_option import changed_system, set_option
from tilewright.cli.waiting import status


@click.command(name="suggest", epilog="Example: tilewright suggest edge-int4 --model llama-3.2-1b --context 1024")
@click.argument("system", metavar="SYSTEM")
@click.option("--model", default="llama-3.2-1b", show_default=True, help="Model as in map.")
@phase_option
@context_option
@click.option("--workers", type=click.IntRange(1, 1024), default=1, show_default=True, metavar="NUMBER",
              help="Number of processes that run the exact model.")  # fmt: skip
@set_option("system", "cim.tiles=8")
@json_option
def command(
    system: str,
    model: str,
    phase: str | None,
    context: int | None,
    workers: int,
    changes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find the three changes of a system that give most for what they add, each run on the exact model.

    SYSTEM is a preset or a TOML file. A change makes one resource a step larger or faster. Those changes come first of
    which the largest share becomes speed.
    """
    from tilewright.api.exploration import suggest
    from tilewright.cli.explore_tables import print_suggestions

    with named_as_options(lambda: ("context", "workers")), status(f"changes of {system}"):
        result = suggest(changed_system(system, changes), model, phase=phase, context=context, workers=workers)
    if as_json:
        print_json(result.to_dict())
    else:
        print_suggestions(console(), result)
