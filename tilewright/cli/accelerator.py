"""Options and builder of the block ``accelerator``, which a system describes."""

from tilewright.cli.blocks import Option
from tilewright.hw.accelerator.design import accelerator
from tilewright.hw.generate import Design
from tilewright.sim.config import load_system


def options() -> tuple[Option, ...]:
    """Return the option ``--system``."""
    return (Option(name="system", kind="text", about="Preset or TOML file of the system.", required=True),)


def build(system: str) -> Design:
    """Return the accelerator of a system.

    Raises
    ------
    ConfigError
        If there is no such system, or its description is not valid.
    """
    return accelerator(load_system(system).accelerator)
