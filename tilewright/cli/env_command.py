"""The command ``tilewright env``."""

import click

from tilewright.cli.output import json_option, print_json


@click.command(name="env", epilog='Example: eval "$(tilewright env)" && make WAVES=1')
@click.argument("simulator", required=False, metavar="[verilator|icarus]")
@json_option
def command(simulator: str | None, as_json: bool) -> None:
    """Print the shell variables with which cocotb's runner and Makefiles find a simulator.

    Without a name, it is the simulator that the variable SIM names, or else Verilator. A Verilator of the system is
    used if it is new enough; or else the one that came with Tilewright is made ready in the cache. Nothing is printed
    if a tool is missing or a path has a space where make allows none: the exit status is 2.
    """
    from tilewright.base.simulators import find_simulator

    found = find_simulator(simulator)
    if as_json:
        print_json(found.to_dict())
    else:
        click.echo(found.exports())
