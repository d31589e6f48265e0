"""Systems of benches."""

from tilewright.cocotb_tests.accelerator.suite import TINY
from tilewright.sim.config import FabricConfig, System, load_system


def small_system() -> System:
    """Return the system of the smallest accelerator of the benches, whose build they share."""
    fabric = {name: getattr(TINY, name) for name in FabricConfig.model_fields}
    parts = {"cim": TINY.cim.model_dump(), "vector": TINY.vector.model_dump(), "fabric": fabric}
    return System.model_validate({**load_system("tiny").model_dump(), **parts})
