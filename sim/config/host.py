"""The host: cores and caches that run what the accelerator does not."""

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
"""Kind of core: out-of-order (gem5's O3) or in-order (gem5's Minor)."""
CORES: tuple[CoreKind, ...] = get_args(CoreKind)

HOST_PRESETS = PRESETS / "host"


class HostConfig(Frozen):
    """A host: parameters of both kinds of core that it may have, its caches, crossbars, memory and clocks."""

    name: str
    """Short name of the host, by which runs are attributed to it."""
    description: str
    """One line about the host, for people."""
    core: CoreKind = "o3"
    """Kind of core that the host has."""
    cores: Literal[1, 2, 4, 8] = 2
    """Number of cores; a workload runs on the first core."""
    o3: O3Config = O3Config()
    """Parameters of the out-of-order core."""
    minor: MinorConfig = MinorConfig()
    """Parameters of the in-order core."""
    l1i: CacheConfig
    """First-level instruction cache of each core."""
    l1d: CacheConfig
    """First-level data cache of each core."""
    l2: CacheConfig
    """Second-level cache of each core."""
    l3: CacheConfig
    """Third-level cache, which all cores share."""
    crossbar: CrossbarConfig
    """Crossbar in front of each of the two lower cache levels, second and third; it has the clock of that level."""
    bus: CrossbarConfig
    """Crossbar to memory, which has the clock of the board."""
    memory: DramConfig
    """Main memory of the host: one channel."""
    clocks: HostClocks = HostClocks()
    """Clock frequency of each part of the host."""
    sources: dict[str, str] = {}
    """Source of each number, by its dotted path; a path that ends in * covers everything below it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self, self.sources, "host")
        return self

    @property
    def machine(self) -> dict:
        """Description of the host without its clocks and without the choice of its core."""
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
