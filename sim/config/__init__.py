"""The description of a system: frozen, validated, loaded from TOML."""

from .accelerator import AcceleratorConfig, FabricConfig
from .cim import MacroConfig, TileConfig
from .cim_array import CIMArrayConfig
from .energy import EnergyConfig
from .errors import ConfigError, suggest
from .load import load_system, preset_names
from .memory import MemoryConfig
from .system import System
from .vector import VectorConfig

__all__ = [
    "AcceleratorConfig",
    "CIMArrayConfig",
    "ConfigError",
    "EnergyConfig",
    "FabricConfig",
    "MacroConfig",
    "MemoryConfig",
    "System",
    "TileConfig",
    "VectorConfig",
    "load_system",
    "preset_names",
    "suggest",
]
