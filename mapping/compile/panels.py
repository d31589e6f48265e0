"""Products that are too large for a bank of the scratchpad, cut into column panels."""

from collections.abc import Iterator
from dataclasses import replace

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.isa.steps import Buffer, Matrix, Pass, Product, Step
from tilewright.sim.isa.vector_command import Reduce

from .engines.engine import Engines


def in_panels(config: AcceleratorConfig, engines: Engines, lowered: Lowered, share: int = 1) -> Lowered:
    """Return steps in which the sums of every product with constants fit into a part of a bank.

    A larger product becomes several, of columns side by side, and so do the passes that take its sums.

    Parameters
    ----------
    share : int
        Part of a bank that sums fill at most, as its inverse; a product whose passes need whole rows may fill a bank.

    Raises
    ------
    ConfigError
        If such a pass needs whole rows.
    """
    panels: dict[str, list[Matrix]] = {}
    uncut = _read_by_whole_rows(lowered) if share > 1 else set()
    buffers, cut_rows = dict(lowered.buffers), dict(lowered.cut_rows)
    steps: list[Step] = []
    for step in lowered.steps:
        if isinstance(step, Product) and step.weights.buffer.name in lowered.constants:
            most = 1 if step.out.buffer.name in uncut else share
            parts = _column_parts(config, engines.of(step).panel_columns(step), step, most)
            if len(parts) > 1:
                name = step.out.buffer.name
                panels[name] = []
                del buffers[name]
                for number, part in enumerate(parts):
                    width = part.stop - part.start
                    buffer = Buffer(
                        f"{name}.{number}", step.out.rows * width, step.out.storage, step.out.buffer.operator
                    )
                    buffers[buffer.name] = buffer
                    panels[name].append(Matrix(buffer, step.out.rows, width, width))
                    scales = step.scales.part(columns=part) if step.scales else None
                    steps.append(
                        replace(step, weights=step.weights.part(columns=part), out=panels[name][-1], scales=scales)
                    )
                continue
        if isinstance(step, Pass) and step.a.buffer.name in panels:
            operands = (m for m in (step.b, step.c) if m and m.buffer.name in lowered.constants)
            cut_rows |= {m.buffer.name: m.stride or m.columns for m in operands}
            steps.extend(_pass_parts(config, step, panels[step.a.buffer.name]))
            continue
        steps.append(step)
    return replace(lowered, steps=tuple(steps), buffers=buffers, cut_rows=cut_rows)


def _read_by_whole_rows(lowered: Lowered) -> set[str]:
    """Return the names of the buffers that are read by something else than passes that could take panels of them."""
    found = set()
    for step in lowered.steps:
        for matrix in step.reads:
            if isinstance(matrix, Matrix):
                taken = isinstance(step, Pass) and matrix is step.a and _takes_panels(step)
                whole = matrix.offset == 0 and matrix.rows * matrix.columns == matrix.buffer.elements
                if not (taken and whole):
                    found.add(matrix.buffer.name)
    return found


def _takes_panels(step: Pass) -> bool:
    """Return whether each element of a pass's result depends on its own column alone."""
    options = step.options
    return options.reduce == Reduce.NONE and not (options.causal or options.rotate)


def _column_parts(config: AcceleratorConfig, unit: int, product: Product, share: int) -> list[slice]:
    """Return equal parts of the columns, multiples of what the engine can take; 0 stands for one part."""
    n = product.weights.columns
    if not unit:
        return [slice(0, n)]
    tile, most = config.cim_array.tile.columns, config.bank_bytes // share

    def size(columns: int) -> int:
        return product.out.rows * 4 * divide_up(columns, tile) * tile

    number, width = divide_up(size(n), most), n
    if number > 1:
        width = divide_up(divide_up(n, number), unit) * unit
        while size(width) > most and width > unit:
            width -= unit
    return [slice(start, min(start + width, n)) for start in range(0, n, width)]


def _pass_parts(config: AcceleratorConfig, step: Pass, panels: list[Matrix]) -> Iterator[Pass]:
    whole = (0, panels[0].rows) == (step.a.offset, step.a.rows) and step.a.columns == sum(p.columns for p in panels)
    if not (whole and _takes_panels(step)):
        raise ConfigError(
            f"{step.a.buffer.name}: {4 * step.a.buffer.elements} bytes find no room in a bank of {config.bank_bytes}, "
            "and a pass takes whole rows of them"
        )
    start = 0
    for panel in panels:
        part = slice(start, start + panel.columns)
        b, c, out = (m.part(columns=part) if m else None for m in (step.b, step.c, step.out))
        yield replace(step, a=panel, b=b, c=c, out=out)
        start += panel.columns
