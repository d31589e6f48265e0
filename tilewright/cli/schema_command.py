"""The command ``tilewright schema``."""

import click

from tilewright.cli.output import print_json


@click.command(
    name="schema",
    epilog="Example: tilewright schema > system.schema.json, then in a TOML file: #:schema system.schema.json",
)
@click.option(
    "--of",
    "what",
    type=click.Choice(["system", "host"]),
    default="system",
    show_default=True,
    help="Kind of description: a system (accelerator and memory), or a host (cores and caches).",
)
@click.option("--json", "as_json", is_flag=True, help="Accepted for uniformity; a schema is always JSON.")
def command(what: str, as_json: bool) -> None:
    """Print the JSON schema of a description, for editors and checks.

    It holds every key, its unit, its meaning and its range.
    """
    from tilewright.sim.config import HostConfig, System

    print_json((HostConfig if what == "host" else System).model_json_schema())
