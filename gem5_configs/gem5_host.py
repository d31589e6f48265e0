"""Run by gem5 (24.0 or newer, RISC-V): a host runs a static RISC-V program in syscall emulation.

Usage::

    gem5.opt -d FOLDER gem5_host.py --host host.json PROGRAM [ARGUMENT ...]

``host.json`` is a ``tilewright.sim.config.host.HostConfig`` as ``model_dump(mode="json")`` writes it. The program runs
on the first core; the others exist and stay idle. What it prints goes to ``program.out`` and ``program.err`` in the
folder. gem5's exit status is 0, or 3 if the program ended with another status than 0, or gem5 ended before the program.
"""

import argparse
import json
import sys
from pathlib import Path

import m5
from gem5.components.boards.simple_board import SimpleBoard
from gem5.resources.resource import BinaryResource
from gem5.simulate.simulator import Simulator
from gem5_host_caches import HostCaches, domain
from gem5_host_cores import make_processor
from gem5_host_memory import make_memory


def make_board(host: dict) -> SimpleBoard:
    """Return the machine: every part in the clock domain that the description gives it."""
    clocks = host["clocks"]
    return SimpleBoard(
        clk_freq=f"{clocks['board_ghz']}GHz",
        processor=make_processor(host, domain(clocks["core_ghz"])),
        memory=make_memory(host["memory"]),
        cache_hierarchy=HostCaches(host),
    )


def main() -> None:
    """Read the command line and simulate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", type=Path, required=True)
    parser.add_argument("program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()

    board = make_board(json.loads(options.host.read_text()))
    folder = Path(m5.options.outdir)
    board.set_se_binary_workload(
        BinaryResource(options.program),
        arguments=options.arguments,
        stdout_file=folder / "program.out",
        stderr_file=folder / "program.err",
    )
    simulator = Simulator(board=board)
    simulator.run()
    cause, code = simulator.get_last_exit_event_cause(), simulator.get_last_exit_event_code()
    print(f"gem5 ended at tick {simulator.get_current_tick()}: {cause}, status {code}")
    if cause != "exiting with last active thread context" or code:
        sys.exit(3)


# The name under which gem5 runs a script.
if __name__ == "__m5_main__":
    main()
