"""The command ``tilewright program``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.files import write_bytes, write_text
from tilewright.cli.groups import LazyGroup
from tilewright.cli.output import console, csv_option, json_option, print_csv, print_json
from tilewright.cli.program_run import run_command

if TYPE_CHECKING:
    from tilewright.sim.config.accelerator import AcceleratorConfig

LANES = 16
"""Default number of lanes of the vector unit."""

_file_argument = click.argument("file", type=click.Path(path_type=Path))


def _configuration(lanes: int) -> "AcceleratorConfig":
    """Return a configuration with this number of lanes and all units, which is all that programs need."""
    from tilewright.api.config_options import configuration
    from tilewright.cli.option_errors import named_as_options
    from tilewright.sim.config.accelerator import AcceleratorConfig
    from tilewright.sim.config.cim import TileConfig
    from tilewright.sim.config.cim_array import CIMArrayConfig
    from tilewright.sim.config.npe import NpeConfig
    from tilewright.sim.config.vector import VectorConfig

    with named_as_options(lambda: ("lanes",)):
        vector = configuration(VectorConfig, {"lanes": lanes})
    # Of the array, commands depend on this alone.
    tile = TileConfig.model_construct(narrow_weights="int4")
    array = CIMArrayConfig.model_construct(tile=tile)
    return AcceleratorConfig.model_construct(vector=vector, cim=array, npe=NpeConfig())


@click.command(name="assemble", epilog="Example: tilewright program assemble examples/product.asm --out product.bin")
@_file_argument
@click.option("--out", "-o", "out", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option(
    "--lanes", type=int, help=f"Number of lanes of the vector unit. [default: as FILE states, otherwise {LANES}]"
)
@json_option
def assemble_command(file: Path, out: Path, lanes: int | None, as_json: bool) -> None:
    """Write the commands of a text FILE as bytes, 64 for each.

    A line is a command: its name and field=value pairs; see docs/program.md, and `tilewright program fields`.
    """
    from tilewright.base.reading import read_text
    from tilewright.sim.isa.assembler import assemble, lanes_of
    from tilewright.sim.isa.encoding import encode_program

    text = read_text(file)
    if lanes is None:
        lanes = lanes_of(text, source=str(file)) or LANES
    config = _configuration(lanes)
    commands = assemble(config, text, source=str(file))
    data = encode_program(config, commands)
    write_bytes(out, data)
    if as_json:
        print_json({"commands": len(commands), "bytes": len(data), "lanes": config.vector.lanes, "file": str(out)})
        return
    console().print(f"wrote {out}: {len(commands)} commands, {len(data):,} bytes")


@click.command(name="disassemble", epilog="Example: tilewright program disassemble product.bin --numbers")
@_file_argument
@click.option("--out", "-o", "out", type=click.Path(path_type=Path), help="File to write instead of the terminal.")
@click.option("--lanes", type=int, default=LANES, show_default=True, help="Number of lanes of the vector unit.")
@click.option("--numbers", is_flag=True, help="Number the commands in the way of register ERROR_INDEX.")
@json_option
def disassemble_command(file: Path, out: Path | None, lanes: int, numbers: bool, as_json: bool) -> None:
    """Print the commands of a binary FILE as text."""
    from tilewright.sim.isa.assembler import disassemble
    from tilewright.sim.isa.encoding import read_program

    config = _configuration(lanes)
    commands = read_program(config, file)
    text = disassemble(config, commands, numbered=numbers)
    if out:
        write_text(out, text)
    if as_json:
        lines = disassemble(config, commands).splitlines()[1:]
        print_json({"lanes": lanes, "commands": [line.strip() for line in lines]})
    elif out:
        console().print(f"wrote {out}: {len(commands)} commands")
    else:
        click.echo(text, nl=False)


@click.command(name="fields", epilog="Example: tilewright program fields vector")
@click.argument("names", metavar="[COMMAND]...", nargs=-1)
@click.option("--markdown", is_flag=True, help="Print Markdown, as in docs/program.md.")
@json_option
@csv_option
def fields_command(names: tuple[str, ...], markdown: bool, as_json: bool, as_csv: bool) -> None:
    """Print all commands and the positions of their fields in the 64 bytes."""
    from tilewright.base.errors import ConfigError, suggest
    from tilewright.sim.isa.assembler import MNEMONICS
    from tilewright.sim.isa.tables import command_about, command_table, field_rows

    for name in names:
        if name not in MNEMONICS:
            raise ConfigError(f"unknown command '{name}'{suggest(name, MNEMONICS)}")
    chosen = {name: kind for name, kind in MNEMONICS.items() if name in names or not names}
    if as_json:
        print_json(
            {
                name: {
                    "opcode": int(kind.OPCODE),
                    "about": command_about(kind),
                    "fields": [row._asdict() for row in field_rows(kind)],
                }
                for name, kind in chosen.items()
            }
        )
        return
    if as_csv:
        print_csv([{"command": name, **row._asdict()} for name, kind in chosen.items() for row in field_rows(kind)])
        return
    if markdown:
        click.echo("\n".join(command_table(kind) for kind in chosen.values()), nl=False)
        return
    from tilewright.base.tables import terminal_table
    from tilewright.base.terminal import styled

    for name, kind in chosen.items():
        title = styled((name, "bold"), f", opcode {int(kind.OPCODE)}: {command_about(kind)}")
        rows = field_rows(kind)
        if not rows:
            console().print(title, end="\n\n")
            continue
        console().print(terminal_table(("field", "word", "bits", "meaning"), rows, title=title, title_style=""))
        console().print()


COMMANDS = {
    "assemble": ("Write a text as a program, with 64 bytes for each command.", assemble_command),
    "disassemble": ("Print a program as text.", disassemble_command),
    "fields": ("Print all commands and the positions of their fields.", fields_command),
    "run": ("Run a program on the exact model: cycles, counters, errors, timeline.", run_command),
}

command = LazyGroup(
    name="program",
    kind="command",
    about={name: about for name, (about, _) in COMMANDS.items()},
    make=lambda name: COMMANDS[name][1],
    help="Assemble, disassemble and run programs of the accelerator, and print their fields.",
    epilog="Example: tilewright program assemble examples/product.asm --out product.bin",
)
