"""Options and builder of the block ``cim-array``: the options of a tile, and the number of tiles."""

from tilewright.api.blocks import Option
from tilewright.api.cim_tile_block import OR_SYSTEM, fields_of
from tilewright.api.cim_tile_block import options as tile_options
from tilewright.api.config_options import configuration, field_options
from tilewright.hw.generate import Design, cim_array
from tilewright.sim.config import CIMArrayConfig, System


def options() -> tuple[Option, ...]:
    """Return one option for each field of the configuration, with its meaning as help, and ``--system``."""
    return (*tile_options(), *field_options(CIMArrayConfig))


def build(system: System | None = None, tiles: int | None = None, **fields: int | str | None) -> Design:
    """Return the array of a system's configuration in which the values given replace its own.

    Raises
    ------
    ConfigError
        If it is not a configuration.
    """
    if tiles is None and system:
        tiles = system.cim_array.tiles
    array = {"tile": fields_of(system, fields), "tiles": tiles}
    return cim_array(configuration(CIMArrayConfig, array, OR_SYSTEM))
