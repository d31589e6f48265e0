"""Options and builder of the block ``cim-array``: the options of a tile, and the number of tiles."""

from tilewright.cli.blocks import Option
from tilewright.cli.cim_tile import OR_SYSTEM, fields_of
from tilewright.cli.cim_tile import options as tile_options
from tilewright.cli.config_options import configuration, field_options
from tilewright.hw.generate import Design, cim_array
from tilewright.sim.config import CIMArrayConfig, load_system


def options() -> tuple[Option, ...]:
    """Return one option for each field of the configuration, with its meaning as help, and ``--system``."""
    return (*tile_options(), *field_options(CIMArrayConfig))


def build(system: str | None = None, tiles: int | None = None, **fields: int | str | None) -> Design:
    """Return the array of a system's configuration in which the values given replace its own.

    Raises
    ------
    ConfigError
        If it is not a configuration.
    """
    if tiles is None and system:
        tiles = load_system(system).cim.tiles
    array = {"tile": fields_of(system, fields), "tiles": tiles}
    return cim_array(configuration(CIMArrayConfig, array, OR_SYSTEM))
