"""``tilewright schema``."""

import click

from tilewright.cli.output import print_json


@click.command(
    name="schema",
    epilog="Example: tilewright schema > system.schema.json, then in a TOML file: #:schema system.schema.json",
)
@click.option("--json", "as_json", is_flag=True, help="The default: a schema is JSON.")
def command(as_json: bool) -> None:
    """Print the JSON schema of a system description, for editors and checks.

    It holds every key, its unit, its meaning and its range.
    """
    from tilewright.sim.config import System

    print_json(System.model_json_schema())
