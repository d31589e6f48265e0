"""The CIM tile: a grid of macros that multiplies activation vectors with blocks of a weight matrix."""

from tilewright.hw.cim.array import CIMArray
from tilewright.hw.cim.command import command_layout
from tilewright.sim.config import CIMArrayConfig, TileConfig
from tilewright.sim.isa.cim_command import TileCommand


class Tile(CIMArray):
    """Multiplies vectors with weight blocks, while the next weights and activations are loaded.

    An array of one tile, whose commands have no mode. For each command, with ``B`` its block of ``rows x columns``
    weights and ``x[v]`` its vectors::

        y[v] = x[v] @ B + (accumulators[slot + v] if accumulate else 0)

    and ``y[v]`` goes to the results if ``emit``, otherwise into the accumulators. Larger matrices are sums
    over successive commands. All integers are signed; results are exact (see ``max_accumulated_rows``).

    The grid's macros in a column share the columns of a block, those in a row its inputs. The tile asks for
    its own data: a block of weights when a bank is free, a vector when the input buffer has room.

    Throughput: one vector every ``macro.slices`` cycles while the streams keep up. Latency: ``LATENCY``
    cycles from the cycle in which a vector starts to its first result word, see :class:`Sequencer`.

    Parameters
    ----------
    config : TileConfig
        Shape, buses and buffers.

    Members
    -------
    commands : In(stream)
        Commands, see :class:`TileCommand`.
    others
        The members of :class:`CIMArray`.
    """

    def __init__(self, *, config: TileConfig):
        self.config = config
        super().__init__(config=CIMArrayConfig(tiles=1, tile=config), commands=command_layout(TileCommand, config))
