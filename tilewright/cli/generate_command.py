"""``tilewright generate``."""

import typing
from collections.abc import Callable
from pathlib import Path

import click
from pydantic import BaseModel, ValidationError

from tilewright.cli.output import console, json_option, make_folder, print_json, write_json, write_text
from tilewright.sim.config import ConfigError, MacroConfig, TileConfig, load_system
from tilewright.sim.config.errors import first_problem


def _option(field: str) -> str:
    return "--" + field.replace("_", "-")


def _number_options(model: type[BaseModel]) -> Callable:
    """Give a command one option for each number of a description, with its meaning as help."""

    def decorate(function: Callable) -> Callable:
        for name, field in reversed(model.model_fields.items()):
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                continue
            choices = typing.get_args(field.annotation)
            allowed = f" One of {', '.join(map(str, choices))}." if choices else ""
            default = "" if field.is_required() else f" [default: {field.default}]"
            help_text = f"{(field.description or '').rstrip('.')}.{allowed}{default}"
            function = click.option(_option(name), name, type=int, help=help_text)(function)
        return function

    return decorate


@click.group(
    name="generate",
    epilog="Example: tilewright generate cim-tile --rows 64 --columns 64 --weight-bits 4 --input-bits 8 --out build",
)
def command() -> None:
    """Write the Verilog of a block and a description of its ports."""


@command.command(
    name="cim-tile",
    epilog="Example: tilewright generate cim-tile --system edge-int4 --grid-rows 2 --out build",
)
@click.option("--system", "system_name", help="Preset or TOML file to start from; options override it.")
@_number_options(MacroConfig)
@_number_options(TileConfig)
@click.option("--out", "folder", type=click.Path(path_type=Path), default=Path(), help="Folder to write to.")
@json_option
def cim_tile(system_name: str | None, folder: Path, as_json: bool, **options: int | None) -> None:
    """CIM tile: writes cim_tile.v and cim_tile.ports.json.

    Without --system, rows, columns, weight bits and input bits must be given.
    """
    given = {name: value for name, value in options.items() if value is not None}
    fields: dict = load_system(system_name).cim.tile.model_dump() if system_name else {"macro": {}}
    for name, value in given.items():
        (fields if name in TileConfig.model_fields else fields["macro"])[name] = value
    try:
        config = TileConfig.model_validate(fields)
    except ValidationError as error:
        location, problem = first_problem(error)
        field = str(location[-1]) if location else problem.split(" = ")[0]
        if problem == "missing":
            raise ConfigError(f"{_option(field)} is missing: give it, or a --system to start from") from error
        problem = problem if not location or problem.startswith(field) else f"{field} = {problem}"
        raise ConfigError(problem.replace(field, _option(field), 1)) from error
    make_folder(folder)

    from tilewright.hw.generate import generate_cim_tile

    if as_json:
        block = generate_cim_tile(config)
    else:
        with console(stderr=True).status(f"generating {config.grid_rows} x {config.grid_columns} macros"):
            block = generate_cim_tile(config)
    verilog = write_text(folder / f"{block.name}.v", block.verilog)
    ports = write_json(folder / f"{block.name}.ports.json", block.ports)
    if as_json:
        print_json({**block.ports, "files": [str(verilog), str(ports)]})
        return
    console().print(
        f"{config.rows} x {config.columns} INT{config.macro.weight_bits} weights in {config.macro.weight_banks} banks, "
        f"INT{config.macro.input_bits} activations: {config.macs_per_cycle:,.0f} MAC a cycle, "
        f"one vector every {config.macro.slices} cycles, latency {config.latency}"
    )
    for path in (verilog, ports):
        console().print(f"wrote {path}")
