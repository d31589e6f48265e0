"""Options and builder of the block ``accelerator``, which a system describes."""

from tilewright.api.blocks import Option
from tilewright.hw.accelerator.design import accelerator
from tilewright.hw.generate import Design
from tilewright.sim.config import System


def options() -> tuple[Option, ...]:
    """Return the option ``--system``."""
    return (Option(name="system", kind="system", about="Preset or TOML file of the system.", required=True),)


def build(system: System) -> Design:
    """Return the accelerator of a system."""
    return accelerator(system.accelerator)
