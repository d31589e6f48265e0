"""Order in which the NPE requests its operands, multiplies, and stores.

Groups of row blocks, in each all column blocks, for each of these all row blocks of the group, and for each tile all
chunks of K. A group's panels of A stay on chip while the columns of B pass by; one panel is free for the next group.
If a row does not fit into a panel, K is cut into chunks, a group is one row block, and every chunk brings both. The
chunks of the only row block come once if all of them fit on chip.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode
from tilewright.sim.isa.descriptor import Along, Descriptor


@dataclass(frozen=True)
class Tile:
    """An output tile: a part of C."""

    row: int
    column: int
    rows: int
    columns: int
    first_columns: bool
    last_columns: bool


@dataclass(frozen=True)
class Request:
    """A run of beats that the loader reads."""

    stream: int
    """Number of the stream, as in the ERROR register: 1 A, 2 B, 3 scale, 4 bias, 5 residual."""
    address: int
    """Address in bytes, a multiple of the beat."""
    beats: int
    takes_panel: bool
    """Flag: the request is the first of a panel, for which there must be room; A that stays has its room."""


@dataclass(frozen=True)
class Chunk:
    """Words for the array; they need all data that was requested before."""

    tile: Tile
    words: int
    last: bool
    """Flag: the chunk is the last of its output tile."""
    release_a: bool
    release_b: bool


def schedule(config: NpeConfig, job: Descriptor) -> Iterator[Request | Chunk]:
    """Yield requests and chunks in the order of the loader."""
    mode, beat = Mode(job.mode), config.bus_bytes
    beats, words = config.beats(mode, job.k), config.words(mode, job.k)
    chunks = -(-beats // config.depth)
    chunked = chunks > 1
    panels = 1 if chunked else config.panels - 1
    most = config.vector_chunks if job.m == 1 else config.panels
    a_stays = chunked and job.m <= config.rows and chunks <= most
    a_again = chunked and not a_stays
    sizes = [config.depth] * (chunks - 1) + [beats - (chunks - 1) * config.depth]
    chunk_words = [config.panel_words] * (chunks - 1) + [words - (chunks - 1) * config.panel_words]

    def panel(stream: int, base: int, stride: int, start: int, count: int, chunk: int) -> Iterator[Request]:
        for index in range(count):
            address = base + (start + index) * stride + chunk * config.depth * beat
            takes_panel = index == 0 and not (a_stays and stream == 1)
            yield Request(stream, _wrap(config, address), sizes[chunk], takes_panel)

    def block(stream: int, address: int, size: int) -> Request:
        return Request(stream, _wrap(config, address // beat * beat), -(-size // beat), False)

    for group in range(0, job.m, panels * config.rows):
        rows_of_group = range(group, min(job.m, group + panels * config.rows), config.rows)
        for column in range(0, job.n, config.columns):
            columns = min(config.columns, job.n - column)
            for row in rows_of_group:
                rows = min(config.rows, job.m - row)
                last_panel, last_columns = row == rows_of_group[-1], column + config.columns >= job.n
                tile = Tile(row, column, rows, columns, column == 0, last_columns)
                for chunk in range(chunks):
                    last = chunk == chunks - 1
                    if a_again or column == 0:
                        yield from panel(1, job.a, job.a_stride, row, rows, chunk)
                    if chunked or row == group:
                        yield from panel(2, job.b, job.b_stride, column, columns, chunk)
                    if last:
                        for stream, along, base in (
                            (3, job.scale, job.scale_address),
                            (4, job.bias, job.bias_address),
                        ):
                            if along:
                                first, count = (row, rows) if along == Along.ROW else (column, columns)
                                yield block(stream, base + 4 * first, 4 * count)
                        if job.residual:
                            bits = Mode(job.residual_format).bits
                            for index in range(rows):
                                place = job.residual_address + (row + index) * job.residual_stride + column * bits // 8
                                yield block(5, place, -(-columns * bits // 8))
                    release_a = a_again or (last_columns and not a_stays)
                    yield Chunk(tile, chunk_words[chunk], last, release_a, chunked or last_panel)


def _wrap(config: NpeConfig, address: int) -> int:
    return address & (1 << config.address_bits) - 1
