"""``tilewright cpu``: the host core and its caches."""

import importlib

import click

from tilewright.cli.groups import LazyGroup

COMMANDS = {
    "predict": "Predict host workloads at other clocks from one measured run of each.",
    "run": "Run workloads on hosts under gem5 and print its statistics.",
    "stats": "Read gem5's statistics of runs that were made elsewhere.",
}
"""Subcommands and their short help; the module of each is ``cpu_`` and its name."""


def _load(name: str) -> click.Command:
    return importlib.import_module(f"tilewright.cli.cpu_{name}").command


command = LazyGroup(
    name="cpu",
    kind="command",
    about=COMMANDS,
    make=_load,
    help="Predict or run workloads on the host, a RISC-V core and its caches, each with a clock of its own.",
    epilog="Example: tilewright cpu run --workload gemv --domains all-cryo,super-core-l1 --ghz 100",
)
