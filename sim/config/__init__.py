"""The description of a system: frozen, validated, loaded from TOML."""

from .accelerator import AcceleratorConfig, FabricConfig
from .cim import MacroConfig, TileConfig
from .cim_array import CIMArrayConfig
from .energy import EnergyConfig
from .host import HostConfig, host_names, load_host
from .memory import MemoryConfig
from .system import System, load_system, system_names
from .vector import VectorConfig

__all__ = [
    "AcceleratorConfig",
    "CIMArrayConfig",
    "EnergyConfig",
    "FabricConfig",
    "HostConfig",
    "MacroConfig",
    "MemoryConfig",
    "System",
    "TileConfig",
    "VectorConfig",
    "host_names",
    "load_host",
    "load_system",
    "system_names",
]
