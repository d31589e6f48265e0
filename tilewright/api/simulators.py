"""Prepares this process for cocotb's own runner."""

from pathlib import Path

from tilewright.base.simulators import Simulator, find_simulator


def use_simulator(name: str | None = None, *, folder: str | Path | None = None) -> Simulator:
    """Set this process's environment so that cocotb's own runner finds a simulator, as ``tilewright env`` does.

    ``cocotb_tools.runner.get_runner`` takes the ``name`` of the simulator that is returned.

    Parameters
    ----------
    name : str, optional
        ``verilator`` or ``icarus``; by default the one that the environment variable SIM names, or else Verilator.
    folder : str or Path, optional
        Folder in which models are built; by default the current one.

    Raises
    ------
    ConfigError
        If there is no such simulator, a tool is missing or too old, or a path has a space where make allows none.
    """
    simulator = find_simulator(name, None if folder is None else Path(folder))
    simulator.use()
    return simulator
