"""The command ``tilewright map``."""

from pathlib import Path

import click

from tilewright.cli.list_option import names_option
from tilewright.cli.option_errors import named_as_options
from tilewright.cli.output import console, json_option, make_folder, out_option, print_json, print_written, status


def _placeable() -> tuple[str, ...]:
    from tilewright.mapping.host.placement import PLACEABLE

    return tuple(PLACEABLE)


@click.command(
    name="map",
    epilog="Example: tilewright map llama-3.2-1b --phase decode --context 1024 --system edge-int4 --out build",
)
@click.argument("model_name", metavar="MODEL")
@click.option("--phase", type=click.Choice(["decode", "prefill"]), default="decode", show_default=True,
              help="Phase: one token after the others (decode), or the prompt (prefill).")  # fmt: skip
@click.option("--context", type=int, default=1024, show_default=True,
              help="Number of positions attended to (decode), or of prompt tokens (prefill).")  # fmt: skip
@click.option(
    "--system", "system_name", default="edge-int4", show_default=True, help="Preset or TOML file of the system."
)
@click.option("--host", "host_name",
              help="Preset or TOML file of the host beside the accelerator. [default: the system's]")  # fmt: skip
@click.option("--host-runs", type=click.Path(path_type=Path), multiple=True,
              help="CSV file of runs of the kernels, from `cpu run`. [default: the runs of the presets]")  # fmt: skip
@click.option("--on-host", callback=names_option("operator", _placeable), metavar="NAMES",
              help="Operators to move to the host: softmax, norms or both, with a comma.")  # fmt: skip
@out_option
@json_option
def command(
    model_name: str,
    phase: str,
    context: int,
    system_name: str,
    host_name: str | None,
    host_runs: tuple[Path, ...],
    on_host: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
) -> None:
    """Compile a transformer for a system and run its program on the exact model.

    MODEL is a shipped model (see `tilewright list`), a Hugging Face config.json, or the folder that holds one.
    With a host, embedding and sampling on the host are added, at the cost of their kernels in the runs, which were
    measured at the host's clocks or are predicted from 4 GHz. --on-host moves more operators to the host. The
    accelerator is idle while the host works, so the time is an upper bound for a machine in which they overlap;
    software that hands over data is not counted. With --out, the command writes
    map.json, map.trace.json (open it in ui.perfetto.dev) and map.png.
    """
    from tilewright.api.mapping import map
    from tilewright.api.systems import model_of, system_of

    model, system = model_of(model_name), system_of(system_name)
    if folder:
        make_folder(folder)
    with (
        named_as_options(lambda: ("on_host", "host_runs")),
        status(f"running {model_name} on {system.name}"),
    ):
        result = map(
            model, system, phase=phase, context=context, on_host=on_host, host=host_name, host_runs=host_runs,
            name=model_name,
        )  # fmt: skip
    files = result.write(folder) if folder else []
    if as_json:
        print_json(result.to_dict(), files)
        return
    from tilewright.cli.tables import print_host_steps, print_map

    print_map(console(), result.to_dict())
    if result.host:
        print_host_steps(console(), result.to_dict())
    print_written(files)
