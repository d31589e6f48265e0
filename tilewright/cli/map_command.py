"""The command ``tilewright map``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.files import write_json, write_text
from tilewright.cli.list_option import names_option
from tilewright.cli.output import console, json_option, make_folder, out_option, print_json, status

if TYPE_CHECKING:
    from tilewright.mapping.report import MapResult


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
    from tilewright.base.errors import ConfigError
    from tilewright.cli.map_host import host_part, load_host_and_runs
    from tilewright.mapping.map import map_model
    from tilewright.mapping.models import load_model
    from tilewright.sim.config import load_system

    model, system = load_model(model_name), load_system(system_name)
    host = load_host_and_runs(host_name, system, host_runs)
    if on_host and not host:
        raise ConfigError("--on-host needs --host, or a host in the system's description of which there are runs")
    if folder:
        make_folder(folder)
    with status(f"running {model_name} on {system.name}"):
        result = map_model(model_name, model, system, phase=phase, context=context, on_host=on_host)
    data = result.to_dict() | (host_part(result, *host) if host else {})
    files = _write(result, data, folder) if folder else []
    if as_json:
        print_json({**data, "files": [str(file) for file in files]})
        return
    from tilewright.cli.tables import print_host_steps, print_map

    print_map(console(), data)
    if host:
        print_host_steps(console(), data)
    for file in files:
        console().print(f"wrote {file}")


def _write(result: "MapResult", data: dict, folder: Path) -> list[Path]:
    from tilewright.cli.tables import cycles_by_step
    from tilewright.sim.plots import breakdown
    from tilewright.sim.trace import perfetto_json

    title = f"{result.name}, {data['phase']} at context {data['context']}, on {result.system.name}"
    per_us = result.system.clock_mhz
    time = [(step, cycles / per_us) for step, cycles in cycles_by_step(data).items() if cycles]
    bounds = [
        ("whole run", result.cycles / per_us),
        ("DRAM bound", result.dram_bound_cycles / per_us),
        ("compute bound", result.compute_bound_cycles / per_us),
    ]
    energy = [(item["name"], item["joules"] * 1e3) for item in data["energy"]]
    return [
        write_json(folder / "map.json", data),
        write_text(folder / "map.trace.json", perfetto_json(result.spans, title)),
        breakdown(folder / "map.png", title, time=time, bounds=bounds, energy=energy),
    ]
