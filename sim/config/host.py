"""The host: the core and caches that run what the accelerator does not."""

from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import model_validator

from tilewright.base.errors import ConfigError, suggest

from .base import Frozen
from .host_clocks import HostClocks
from .host_core import MinorConfig, O3Config
from .host_memory import MEMORIES, CacheConfig, CrossbarConfig, DramConfig
from .load import PRESETS, load_description, preset_names
from .sources import check_sources

CoreKind = Literal["o3", "minor"]
"""Out-of-order (gem5's O3) or in-order (gem5's Minor)."""
CORES: tuple[CoreKind, ...] = get_args(CoreKind)

HOST_PRESETS = PRESETS / "host"


class HostConfig(Frozen):
    """A host: both kinds of core that it may have, its caches, crossbars, memory and clocks."""

    name: str
    description: str
    core: CoreKind = "o3"
    """Which of the two cores it has."""
    cores: Literal[1, 2, 4, 8] = 2
    """Number of cores; a workload runs on the first."""
    o3: O3Config = O3Config()
    minor: MinorConfig = MinorConfig()
    l1i: CacheConfig
    """First-level cache of instructions, one for each core."""
    l1d: CacheConfig
    """First-level cache of data, one for each core."""
    l2: CacheConfig
    """Second-level cache, one for each core."""
    l3: CacheConfig
    """Third-level cache, shared."""
    crossbar: CrossbarConfig
    """In front of the second level, in its clock, and another in front of the third, in that one's."""
    bus: CrossbarConfig
    """To memory, in the board's clock."""
    memory: DramConfig
    clocks: HostClocks = HostClocks()
    sources: dict[str, str] = {}
    """Where each number comes from, by its dotted path; a path that ends in ``*`` covers all below it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self, self.sources, "host")
        return self

    @property
    def machine(self) -> dict:
        """What two hosts share of which one only has other clocks, or the other one of its cores."""
        return self.model_dump(exclude={"name", "description", "core", "clocks", "sources"})

    def with_memory(self, memory: str) -> "HostConfig":
        """Return this host with another memory, whose name is added to its own.

        Raises
        ------
        ConfigError
            If there is no such memory.
        """
        if memory not in MEMORIES:
            raise ConfigError(f"unknown memory '{memory}'{suggest(memory, MEMORIES)}")
        return self.model_copy(update={"name": f"{self.name}+{memory}", "memory": MEMORIES[memory]})


def host_names() -> list[str]:
    """Return the names of the hosts that come with Tilewright."""
    return preset_names(HOST_PRESETS)


def is_preset(name: str) -> bool:
    """Return whether a host of this name comes with Tilewright, with any memory."""
    return name.partition("+")[0] in host_names()


def load_host(name_or_path: str | Path) -> HostConfig:
    """Return the host of a preset's name or of a TOML file; ``cryogenic+lpddr3-1600`` is a preset with another memory.

    Raises
    ------
    ConfigError
        If there is no such preset, memory or file, or its description is not valid; names the field, the value, what
        is allowed, the file and the line.
    """
    name, plus, memory = str(name_or_path).partition("+")
    if plus and is_preset(name):
        return load_host(name).with_memory(memory)
    return load_description(HostConfig, name_or_path, HOST_PRESETS, "host")
