"""The description of a system, from which everything else is derived."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, model_validator

from tilewright.base.errors import first_problem

from .accelerator import AcceleratorConfig, FabricConfig
from .base import Frozen
from .cim_array import CIMArrayConfig
from .energy import EnergyConfig
from .host import HostConfig, load_host
from .load import PRESETS, load_description
from .memory import MemoryConfig
from .npe import NpeConfig
from .sources import check_sources, find_source
from .vector import VectorConfig


def _named_host(value: object, info: ValidationInfo) -> object:
    """Return the host that a preset or a TOML file describes; a file lies beside that of the system."""
    if not isinstance(value, str):
        return value
    try:
        return load_host((info.context or Path()) / value if value.endswith(".toml") else value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not allowed: {error}") from error


class System(Frozen):
    """One accelerator: a CIM array, a vector unit, perhaps a matrix co-processor, and the memories that feed them."""

    name: str
    description: str
    clock_mhz: Annotated[int, Field(ge=1, le=1_000_000)]
    """Clock of everything on chip."""
    memory: MemoryConfig
    cim: CIMArrayConfig
    vector: VectorConfig
    npe: NpeConfig | None = None
    """A matrix co-processor beside them, if there is this table; its ``address_bits`` are those of the fabric."""
    fabric: FabricConfig = FabricConfig()
    energy: EnergyConfig
    host: Annotated[HostConfig | None, BeforeValidator(_named_host, json_schema_input_type=HostConfig | str | None)] = (
        None
    )
    """The core beside the accelerator, which runs what that does not, if it is said: the name of a preset, a TOML file
    (its path from that of the system), or a table; its sources are its own."""
    sources: dict[str, str] = {}
    """Where each number comes from, by its dotted path; a path that ends in ``*`` covers all below it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self, self.sources, "system")
        try:
            self.accelerator  # noqa: B018 - to see whether it can be
        except ValidationError as error:
            # Fields of the fabric and of the parts stand in tables of their own.
            problem = first_problem(error)[1]
            own = problem.split(" ")[0] in FabricConfig.model_fields
            raise ValueError(f"fabric.{problem}" if own else problem) from error
        tile = self.cim.tile
        rate = self.memory.bytes_per_cycle(self.clock_mhz) * 8 / tile.weight_bus_bits
        if rate > 1:
            raise ValueError(
                f"cim.tile.weight_bus_bits = {tile.weight_bus_bits} is not allowed: at {self.clock_mhz} MHz the memory "
                f"delivers {float(rate * tile.weight_bus_bits):.1f} bits a cycle, and the bus must take them"
            )
        return self

    @property
    def accelerator(self) -> AcceleratorConfig:
        """The accelerator."""
        return AcceleratorConfig(cim=self.cim, vector=self.vector, npe=self.npe, **dict(self.fabric))

    def source(self, path: str) -> str | None:
        """Return where the number at a dotted path comes from, if it is said."""
        return find_source(self.sources, path)

    @property
    def memory_latency_cycles(self) -> int:
        """Latency of main memory in whole cycles, rounded up."""
        return -int(-self.memory.latency_ns * self.clock_mhz // 1000)


def load_system(name_or_path: str | Path) -> System:
    """Return the system of a preset's name or of a TOML file.

    Raises
    ------
    ConfigError
        If there is no such preset or file, or its description is not valid; names the field, the value, what
        is allowed, the file and the line.
    """
    return load_description(System, name_or_path, PRESETS, "system")
