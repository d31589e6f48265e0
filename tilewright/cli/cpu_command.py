"""``tilewright cpu``: its commands are modules ``cpu_NAME`` of this package."""

import importlib

import click

from tilewright.cli.groups import LazyGroup

CPU_COMMANDS = {
    "predict": "Predict the time of workloads at other clocks from one measured run of each.",
}


def _load(name: str) -> click.Command:
    return importlib.import_module(f"tilewright.cli.cpu_{name}").command


command = LazyGroup(
    name="cpu",
    kind="command",
    about=CPU_COMMANDS,
    make=_load,
    help="The host core: out-of-order or in-order, caches and memory in clock domains of their own.",
    epilog="Example: tilewright cpu predict --core-ghz 100 --l1-ghz 100",
)
