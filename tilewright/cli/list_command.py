"""The command ``tilewright list``."""

import click

from tilewright.cli.output import console, csv_option, json_option, print_csv, print_json


@click.command(name="list", epilog="Example: tilewright list --json")
@json_option
@csv_option
def command(as_json: bool, as_csv: bool) -> None:
    """List the systems, models, families, blocks, co-simulations, hosts and workloads that commands can name."""
    from tilewright.api.blocks import BLOCKS
    from tilewright.api.cosims import COSIMS
    from tilewright.gem5_configs.build import WORKLOADS, about
    from tilewright.mapping.models import load_model, minilm, model_names
    from tilewright.mapping.models.families import about as about_family
    from tilewright.mapping.models.load import shipped_folder
    from tilewright.sim.config import load_system, system_names
    from tilewright.sim.config.host import host_names, load_host

    listing = {
        "systems": {name: load_system(name).description for name in system_names()},
        "models": {
            name: f"{load_model(name).parameters:,} parameters{', with weights' if shipped_folder(name) else ''}"
            for name in model_names()
        }
        | {minilm.NAME: f"{minilm.CONFIG.parameters:,} parameters, an encoder"},
        "families": about_family(),
        "blocks": {name: block.about for name, block in BLOCKS.items()},
        "cosims": {name: cosim.about for name, cosim in COSIMS.items()},
        "hosts": {name: load_host(name).description for name in host_names()},
        "workloads": {name: about(name) for name in WORKLOADS},
    }
    if as_json:
        print_json(listing)
        return
    if as_csv:
        print_csv(
            [
                {"kind": kind, "name": name, "about": text}
                for kind, entries in listing.items()
                for name, text in entries.items()
            ]
        )
        return
    from tilewright.base.tables import terminal_table
    from tilewright.base.terminal import styled

    uses = {
        "systems": "map, generate --system, synth --system",
        "models": "map, explore",
        "families": "map, the model_type of a config.json",
        "blocks": "generate, synth",
        "cosims": "cosim",
        "hosts": "cpu run, cpu predict, map --host",
        "workloads": "cpu run --workload",
    }
    for kind, entries in listing.items():
        rows = ((styled("  ", (name, "bold")), text) for name, text in entries.items())
        title = f"{kind} (for: {uses[kind]})"
        console().print(terminal_table(("", ""), rows, title=title, show_header=False, box=None))
