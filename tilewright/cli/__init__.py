"""The command ``tilewright``: each command is a module of this package, imported when it is used."""

import importlib
import sys
from collections.abc import Sequence

import click

import tilewright
from tilewright.cli.groups import LazyGroup

COMMANDS = {
    "cosim": "Run RTL under Verilator beside its exact model and print the differences.",
    "cpu": "Predict host workloads at other clocks, or run them under gem5.",
    "doctor": "Print which external tools were found, and how to get the missing ones.",
    "generate": "Write the Verilog of a block.",
    "list": "List all systems, models, blocks, co-simulations, hosts and host workloads.",
    "map": "Map a transformer onto a system: cycles, bounds, energy.",
    "program": "Assemble, disassemble and run programs of the accelerator, and print their fields.",
    "report": "Summarise the files that map, cosim, generate and synth wrote to a folder.",
    "schema": "Print the JSON schema of a system's or a host's description.",
    "synth": "Synthesise a block: look-up tables, flip-flops, cells, area, path, power.",
}
"""Commands and their short help; the module of a command has its name, followed by ``_command``."""


def _load(name: str) -> click.Command:
    return importlib.import_module(f"tilewright.cli.{name}_command").command


EPILOG = "Example: tilewright map llama-3.2-1b --phase decode --context 1024 --system edge-int4"


@click.group(
    cls=LazyGroup,
    kind="command",
    about=COMMANDS,
    make=_load,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(tilewright.__version__, prog_name="tilewright")
def cli() -> None:
    """Generate, prove, model and schedule edge-AI accelerators."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 if all is well, 1 if a check failed, 2 on bad input, in one line."""
    try:
        status = cli.main(args=arguments, prog_name="tilewright", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = 0
    except click.ClickException as error:
        status = _refuse(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        click.echo("tilewright: interrupted", err=True)
        status = 130
    except BrokenPipeError:
        # The reader of a pipe went away: say nothing, also not when Python flushes at the end.
        sys.stdout = None
        status = 0
    except Exception as error:
        from tilewright.base.errors import ConfigError

        if not isinstance(error, ConfigError):
            raise
        status = _refuse(str(error))
    sys.exit(status if isinstance(status, int) else 0)


def _refuse(message: str) -> int:
    click.echo(f"tilewright: error: {' '.join(message.split())}", err=True)
    return 2
