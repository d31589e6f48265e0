"""The command ``tilewright``: each command is a module of this package, imported when it is used."""

import importlib
import sys
from collections.abc import Sequence

import click

import tilewright

COMMANDS = {
    "cosim": "Run RTL under Verilator beside its cycle model and print the differences.",
    "doctor": "Say which outside tools were found, and how to get those that were not.",
    "generate": "Write the Verilog of a block.",
    "list": "List the systems, models, blocks and co-simulations that there are.",
    "map": "Map a transformer onto a system: cycles, bounds, energy.",
    "report": "Sum up what map, cosim and generate wrote to a folder.",
    "schema": "Print the JSON schema of a system description.",
}
"""Commands and what they do; the module has the name of the command, with ``_command`` behind it."""


class LazyGroup(click.Group):
    """A group whose commands are imported on first use, so that help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tilewright.cli.{cmd_name}_command")
        return module.command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]):  # type: ignore[no-untyped-def]
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from tilewright.sim.config.errors import suggest

            raise click.UsageError(f"unknown command '{args[0]}'{suggest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


EPILOG = "Example: tilewright map llama-3.2-1b --phase decode --context 1024 --system edge-int4"


@click.group(
    cls=LazyGroup,
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
        from tilewright.sim.config.errors import ConfigError

        if not isinstance(error, ConfigError):
            raise
        status = _refuse(str(error))
    sys.exit(status if isinstance(status, int) else 0)


def _refuse(message: str) -> int:
    click.echo(f"tilewright: error: {' '.join(message.split())}", err=True)
    return 2
