from .cim import CIMArrayConfig, MacroConfig, TileConfig
from .errors import ConfigError
