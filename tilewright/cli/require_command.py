"""The command ``tilewright require``."""

import click

from tilewright.cli.option_errors import named_as_options
from tilewright.cli.output import console, json_option, print_json
from tilewright.cli.set_option import changed_system, set_option


@click.command(
    name="require", epilog="Example: tilewright require llama-3.2-1b --tokens-per-s 90 --joules-per-token 0.05"
)
@click.argument("model", metavar="MODEL")
@click.option(
    "--tokens-per-s", type=float, required=True, metavar="NUMBER", help="Tokens that must go through in a second."
)
@click.option(
    "--joules-per-token", type=float, metavar="NUMBER", help="Energy that a token may take, by middle figures."
)
@click.option("--phase", type=click.Choice(["decode", "prefill"]), default="decode", show_default=True,
              help="Phase: one token after the others (decode), or the prompt (prefill).")  # fmt: skip
@click.option("--context", type=int, default=1024, show_default=True, metavar="NUMBER",
              help="Number of positions attended to (decode), or of prompt tokens (prefill).")  # fmt: skip
@click.option(
    "--system", default="edge-int4", show_default=True, help="Preset or TOML file of the system to begin with."
)
@set_option("system", "cim.tiles=8")
@json_option
def command(
    model: str,
    tokens_per_s: float,
    joules_per_token: float | None,
    phase: str,
    context: int,
    system: str,
    changes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find the smallest change of a system with which a model reaches a rate, and needs no more energy.

    MODEL is as in map. A target that no description reaches is refused by its bound before anything is searched. What
    is printed was run on the exact model. The smallest change is the one with the fewest doublings in total.
    """
    from tilewright.api.exploration import require
    from tilewright.cli.explore_tables import print_requirement

    with named_as_options(lambda: ("tokens_per_s", "joules_per_token", "context")):
        result = require(
            model, changed_system(system, changes), tokens_per_s=tokens_per_s, joules_per_token=joules_per_token,
            phase=phase, context=context,
        )  # fmt: skip
    if as_json:
        print_json(result.to_dict())
    else:
        print_requirement(console(), result)
