"""The description of a system, from which everything else is derived."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator

from tilewright.base.errors import first_problem

from .accelerator import AcceleratorConfig, FabricConfig
from .base import Frozen
from .cim_array import CIMArrayConfig
from .energy import EnergyConfig
from .engine_rule import EngineRule, rules_of
from .host import HostConfig, load_host
from .load import PRESETS, load_description, preset_names
from .memory import MemoryConfig
from .npe import NpeConfig
from .process import check_process
from .sources import check_sources, find_source
from .vector import VectorConfig


def _named_host(value: object, info: ValidationInfo) -> object:
    """Return the host that a preset or a TOML file describes; a file's path is relative to the file of the system."""
    if not isinstance(value, str):
        return value
    try:
        return load_host((info.context or Path()) / value if value.endswith(".toml") else value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not allowed: {error}") from error


class System(Frozen):
    """One accelerator with the memory that feeds it: a CIM array, an NPE or both, a vector unit and, optionally, a
    host."""

    name: str
    """Short name of the system, for people and for files."""
    description: str
    """One line about the system, for people."""
    clock_mhz: Annotated[int, Field(ge=1, le=1_000_000)]
    """Clock frequency of everything on chip."""
    memory: MemoryConfig
    """Main memory of the system."""
    cim: CIMArrayConfig | None = None
    """CIM array of the array unit; the accelerator has no array if the table is absent, and then needs a table npe."""
    vector: VectorConfig
    """Parameters of the vector unit."""
    npe: NpeConfig | None = None
    """Parameters of the NPE; the accelerator has no NPE if the table is absent. Its address_bits must equal the
    fabric's."""
    engines: dict[str, str] = {}
    """Engine of products by patterns of their names, such as "mlp.*" = "npe:fp4_e2m1"; the last rule that matches a
    product counts, and other products run on the CIM array or, without one, on the NPE."""
    fabric: FabricConfig = FabricConfig()
    """Scratchpad, bus, buffers and queues between the units."""
    energy: EnergyConfig
    """Energy of each counted event."""
    host: Annotated[HostConfig | None, BeforeValidator(_named_host, json_schema_input_type=HostConfig | str | None)] = (
        None
    )
    """Host beside the accelerator: the name of a preset, the path of a TOML file relative to the file of the system, or
    a table, which has sources of its own. No host is described if the key is absent."""
    process: str | None = None
    """Process of manufacture in which area, leakage and energies on chip are given, such as SG13G2; nothing is said of
    them if the key is absent."""
    sources: dict[str, str] = {}
    """Source of each number, by its dotted path; a path that ends in * covers everything below it."""

    @field_validator("process")
    @classmethod
    def _known_process(cls, name: str | None) -> str | None:
        if name is not None:
            check_process(name)
        return name

    @field_validator("engines")
    @classmethod
    def _known_engines(cls, table: dict[str, str]) -> dict[str, str]:
        rules_of(table)
        return table

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self, self.sources, "system")
        if self.process is not None and self.cim is None:
            raise ValueError(
                f"process = '{self.process}' is not allowed without cim: areas and energies were measured with an array"
            )
        try:
            self.accelerator  # noqa: B018 - to see whether it can be
        except ValidationError as error:
            # Fields of the fabric and of the parts stand in tables of their own.
            problem = first_problem(error)[1]
            own = problem.split(" ")[0] in FabricConfig.model_fields
            raise ValueError(f"fabric.{problem}" if own else problem) from error
        bits = self.memory.bytes_per_cycle(self.clock_mhz) * 8
        buses = {"fabric.bus_bits": self.fabric.bus_bits}
        if self.cim is not None:
            buses = {"cim.tile.weight_bus_bits": self.cim.tile.weight_bus_bits}
        for name, width in buses.items():
            if bits > width:
                raise ValueError(
                    f"{name} = {width} is not allowed: at {self.clock_mhz} MHz the memory delivers {float(bits):.1f} "
                    "bits a cycle, and the bus must take them"
                )
        period, pause = self.memory.refresh_cycles(self.clock_mhz)
        if pause >= period:
            assert self.memory.refresh is not None
            raise ValueError(
                f"memory.refresh.interval_ns = {self.memory.refresh.interval_ns:g} is not allowed: at {self.clock_mhz} "
                f"MHz it is {period} whole cycles, and must be more than the {pause} of a refresh"
            )
        interval, *times = self.memory.turn_cycles(self.clock_mhz)
        if sum(times) >= interval:
            assert self.memory.turnaround is not None
            raise ValueError(
                f"memory.turnaround.interval_ns = {self.memory.turnaround.interval_ns:g} is not allowed: at "
                f"{self.clock_mhz} MHz it is {interval} whole cycles, and must be more than the {sum(times)} of writes "
                "and both turnarounds"
            )
        return self

    @property
    def engine_rules(self) -> tuple[EngineRule, ...]:
        """Rules of the table ``engines``."""
        return rules_of(self.engines)

    @property
    def cim_array(self) -> CIMArrayConfig:
        """Parameters of the CIM array.

        Raises
        ------
        ConfigError
            If the system has none.
        """
        return self.accelerator.cim_array

    @property
    def accelerator(self) -> AcceleratorConfig:
        """Parameters of the accelerator of this system."""
        return AcceleratorConfig(cim=self.cim, vector=self.vector, npe=self.npe, **dict(self.fabric))

    def source(self, path: str) -> str | None:
        """Return the source of the number at a dotted path, if the description, or that of the host, states one."""
        part, _, rest = path.partition(".")
        if part == "host" and self.host and rest:
            return find_source(self.host.sources, rest)
        return find_source(self.sources, path)

    @property
    def memory_latency_cycles(self) -> int:
        """Latency of main memory in cycles of the accelerator, rounded up."""
        return -int(-self.memory.latency_ns * self.clock_mhz // 1000)

    @property
    def memory_timing(self) -> dict[str, Any]:
        """Timing of main memory as the accelerator sees it, by the names of the parameters of a model of memory."""
        latency, rate = self.memory_latency_cycles, self.memory_beats_per_cycle
        period, pause = self.memory.refresh_cycles(self.clock_mhz)
        interval, before, writes, after = self.memory.turn_cycles(self.clock_mhz)
        return {
            "latency": latency, "rate": rate, "write_latency": latency, "write_rate": rate,
            "refresh_period": period, "refresh_cycles": pause,
            "turn_period": interval, "read_to_write": before, "write_cycles": writes, "write_to_read": after,
        }  # fmt: skip

    @property
    def memory_beats_per_cycle(self) -> Fraction:
        """Bandwidth of main memory between refreshes and turns in beats of the accelerator's bus a cycle, exact."""
        return self.memory.bytes_per_cycle(self.clock_mhz) / self.accelerator.bus_bytes

    @property
    def memory_share(self) -> Fraction:
        """Share of the time in which main memory serves reads."""
        period, pause = self.memory.refresh_cycles(self.clock_mhz)
        interval, *times = self.memory.turn_cycles(self.clock_mhz)
        return Fraction(period - pause, period) * Fraction(interval - sum(times), interval)

    @property
    def memory_bytes_per_cycle(self) -> Fraction:
        """Number of bytes that main memory delivers in a cycle, in the mean over refreshes and turns, exact."""
        return self.memory.bytes_per_cycle(self.clock_mhz) * self.memory_share


def system_names() -> list[str]:
    """Return the names of the systems that come with Tilewright."""
    return preset_names(PRESETS)


def load_system(name_or_path: str | Path) -> System:
    """Return the system that a preset's name or a TOML file stands for.

    Raises
    ------
    ConfigError
        If there is no such preset or file, or its description is not valid; names the field, the value, what
        is allowed, the file and the line.
    """
    return load_description(System, name_or_path, PRESETS, "system")
