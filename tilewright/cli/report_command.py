"""The command ``tilewright report``."""

import json
from pathlib import Path

import click

from tilewright.base.errors import ConfigError
from tilewright.base.files import read_text
from tilewright.cli.output import console, json_option, print_json

FILES = {"map": "map.json", "cosim": "cosim-*.json", "blocks": "*.ports.json", "synth": "*.synth.json"}
"""Kinds of results in a report, and the files that contain them."""


@click.command(name="report", epilog="Example: tilewright report build/demo")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Summarise the files that map, cosim, generate and synth wrote to a folder."""
    results = {kind: [_load(path) for path in sorted(folder.glob(pattern))] for kind, pattern in FILES.items()}
    if not any(results.values()):
        raise ConfigError(f"{folder}: nothing to sum up: no {', '.join(FILES.values())} in it")
    if as_json:
        print_json(results)
        return
    from tilewright.cli.tables import print_blocks, print_cosim_summary, print_map, print_synth

    for result in results["map"]:
        print_map(console(), result)
    for result in results["cosim"]:
        print_cosim_summary(console(), result["cases"])
    if results["blocks"]:
        print_blocks(console(), results["blocks"])
    if results["synth"]:
        print_synth(console(), results["synth"])
    console().print("files:")
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            console().print(f"  {path}  ({path.stat().st_size:,} bytes)")


def _load(path: Path) -> dict:
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
