"""The command ``tilewright map``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tilewright.base.errors import ConfigError
from tilewright.cli.list_option import names_option
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
    with_files,
)
from tilewright.cli.phase_options import CONTEXT, phase_option
from tilewright.cli.set_option import read_changes, set_option
from tilewright.cli.waiting import status

if TYPE_CHECKING:
    from tilewright.sim.config import HostConfig, System


class _Integers(click.ParamType):
    name = "integers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        numbers = (click.INT(part.strip(), param, ctx) for part in str(value).split(","))
        return tuple(dict.fromkeys(numbers))


def _placeable() -> tuple[str, ...]:
    from tilewright.mapping.host.placement import PLACEABLE

    return tuple(PLACEABLE)


@click.command(
    name="map",
    epilog="Example: tilewright map llama-3.2-1b --phase decode --context 1024 --system edge-int4 --out build",
)
@click.argument("model_name", metavar="MODEL")
@phase_option
@click.option("--context", "contexts", type=_Integers(), metavar="NUMBERS", help=CONTEXT)
@click.option(
    "--system", "system_name", default="edge-int4", show_default=True, help="Preset or TOML file of the system."
)
@click.option("--host", "host_name",
              help="Preset or TOML file of the host beside the accelerator. [default: the system's]")  # fmt: skip
@click.option("--host-runs", type=click.Path(path_type=Path), multiple=True,
              help="CSV file of runs of the kernels, from `cpu run`. [default: the runs of the presets]")  # fmt: skip
@click.option("--on-host", callback=names_option("operator", _placeable), metavar="NAMES",
              help="Operators to move to the host: softmax, norms or both, with a comma.")  # fmt: skip
@click.option("--engine", "engines", multiple=True, metavar="RULE",
              help="Engine of the products, npe or cim; npe:FORMAT names a format, PATTERN=npe:FORMAT is for products "
                   "whose names match. The last of several rules that match counts.")  # fmt: skip
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE",
              help="Plan of `tilewright precision`, which gives each matrix its format.")  # fmt: skip
@click.option("--search", is_flag=True,
              help="Search the fastest mapping instead of the compiler's; --out also writes mapping.json.")  # fmt: skip
@click.option("--mapping", type=click.Path(path_type=Path), metavar="FILE",
              help="Mapping that a search has found: its mapping.json, or a file like it.")  # fmt: skip
@set_option("system", "cim.tiles=8, or of its host, such as host.l2.size_kib=1024")
@out_option
@json_option
@csv_option
def command(
    model_name: str,
    phase: str | None,
    contexts: tuple[int, ...] | None,
    system_name: str,
    host_name: str | None,
    host_runs: tuple[Path, ...],
    on_host: tuple[str, ...],
    engines: tuple[str, ...],
    plan: Path | None,
    search: bool,
    mapping: Path | None,
    changes: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Compile a transformer for a system and run its program on the exact model.

    MODEL is a shipped model (see `tilewright list`), minilm, a Hugging Face config.json, or the folder that holds
    one. An encoder takes all its tokens at once, from embeddings to the last layer's output. With a host, embedding
    and sampling on the host are added, at the cost of their kernels in the runs, which were measured at the host's
    clocks or are predicted from 4 GHz. --on-host moves more operators to the host. The accelerator is idle while
    the host works, so the time is an upper bound for a machine in which they overlap; software that hands over data
    is not counted. With --plan, each matrix takes the bytes of the format in which the array holds it; what the
    array does not have counts as the format of its macros. With --search, the compiler's choices are searched
    instead of its own being taken. With --out, the command writes map.json, map.trace.json (open it in
    ui.perfetto.dev), map.png (time and energy), map.roofline.png, for a system with a process map.area.png, and
    after a search mapping.json. Several contexts make a table with a row for each, JSON becomes a list, and each
    writes to a folder of its own, context-NUMBER in --out.
    """
    from tilewright.api.mapping import map
    from tilewright.api.systems import transformer_of

    model = transformer_of(model_name)
    system, host = _system_and_host(system_name, host_name, changes)
    asked: tuple[int | None, ...] = contexts or (None,)
    folders = [folder / f"context-{each}" if folder and len(asked) > 1 else folder for each in asked]
    for each in folders:
        if each:
            make_folder(each)
    results = []
    for context in asked:
        with (
            named_as_options(lambda: ("on_host", "host_runs", "plan", "engine", "search", "mapping")),
            status(f"running {model_name} on {system.name}"),
        ):
            results.append(
                map(
                    model, system, phase=phase, context=context, on_host=on_host, engine=engines, host=host,
                    host_runs=host_runs, plan=plan, mapping=mapping, search=search, name=model_name,
                )
            )  # fmt: skip
    files = [result.write(each) if each else [] for result, each in zip(results, folders, strict=True)]
    data = [result.to_dict() for result in results]
    if as_json:
        print_json(
            with_files(data[0], files[0])
            if len(data) == 1
            else [with_files(*each) for each in zip(data, files, strict=True)]
        )
        return
    from tilewright.cli.tables import operator_rows, print_host_steps, print_map, print_maps, run_rows

    if as_csv:
        print_csv(operator_rows(data[0]) if len(data) == 1 else run_rows(data))
        return
    if len(data) > 1:
        print_maps(console(), data)
    else:
        print_map(console(), data[0])
        if "host" in data[0]:
            print_host_steps(console(), data[0])
    for written in files:
        print_written(written)


def _system_and_host(name: str, host_name: str | None, changes: tuple[str, ...]) -> "tuple[System, HostConfig | None]":
    """Return the system, and a host that was named or changed, with the changes of ``--set``."""
    from tilewright.sim.config import System, load_host, load_system

    given = read_changes(System, changes)
    if host_name is None:
        system = load_system(name).with_(given)
        return system, system.host if any(key.startswith("host.") for key in given) else None
    if "host" in given:
        raise ConfigError("--set host is not allowed with --host: both choose the host")
    of_host = {key.removeprefix("host."): value for key, value in given.items() if key.startswith("host.")}
    rest = {key: value for key, value in given.items() if not key.startswith("host.")}
    return load_system(name).with_(rest), load_host(host_name).with_(of_host)
