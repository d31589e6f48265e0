"""The command ``tilewright report``."""

from pathlib import Path

import click

from tilewright.base.errors import ConfigError
from tilewright.base.reading import list_folder
from tilewright.cli.output import console, json_option, print_json

FILES = {"map": "map.json", "cosim": "cosim-*.json", "blocks": "*.ports.json", "synth": "*.synth.json"}
"""Kinds of results in a report, and the files that contain them."""


@click.command(name="report", epilog="Example: tilewright report build/demo")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Summarise the files that map, cosim, generate and synth wrote to a folder."""
    from pydantic import BaseModel

    from tilewright.cli.results import CosimFile, MapFile, PortsFile, SynthFile, read_result

    models: dict[str, type[BaseModel]] = {"map": MapFile, "cosim": CosimFile, "blocks": PortsFile, "synth": SynthFile}
    files = [path for path in list_folder(folder) if not path.name.startswith(".")]
    results = {
        kind: [read_result(models[kind], path) for path in files if path.match(pattern)]
        for kind, pattern in FILES.items()
    }
    if not any(results.values()):
        raise ConfigError(f"{folder}: nothing to sum up: no {', '.join(FILES.values())} in it")
    if as_json:
        print_json(results)
        return
    from tilewright.cli.synth_tables import print_synth
    from tilewright.cli.tables import print_blocks, print_cosim_summary, print_map

    for result in results["map"]:
        print_map(console(), result)
    for result in results["cosim"]:
        print_cosim_summary(console(), result["cases"])
    if results["blocks"]:
        print_blocks(console(), results["blocks"])
    if results["synth"]:
        print_synth(console(), results["synth"])
    console().print("files:")
    for path in files:
        if path.is_file():
            console().print(f"  {path}  ({path.stat().st_size:,} bytes)")
