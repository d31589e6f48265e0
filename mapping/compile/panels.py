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


def in_panels(config: AcceleratorConfig, engines: Engines, lowered: Lowered) -> Lowered:
    """Return steps in which the sums of every product with constants fit into a bank.

    A larger product becomes several, of columns side by side, and so do the passes that take its sums.

    Raises
    ------
    ConfigError
        If such a pass needs whole rows.
    """
    panels: dict[str, list[Matrix]] = {}
    buffers = dict(lowered.buffers)
    steps: list[Step] = []
    for step in lowered.steps:
        if isinstance(step, Product) and step.weights.buffer.name in lowered.constants:
            parts = _column_parts(config, engines.of(step).panel_columns(step), step)
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
            steps.extend(_pass_parts(config, step, panels[step.a.buffer.name]))
            continue
        steps.append(step)
    return replace(lowered, steps=tuple(steps), buffers=buffers)


def _column_parts(config: AcceleratorConfig, unit: int, product: Product) -> list[slice]:
    """Return equal parts of the columns, multiples of what the engine can take; 0 stands for one part."""
    if not unit:
        return [slice(0, product.weights.columns)]
    n = product.weights.columns
    tile = config.cim_array.tile.columns
    size = product.out.rows * 4 * divide_up(n, tile) * tile
    width = divide_up(divide_up(n, divide_up(size, config.bank_bytes)), unit) * unit
    return [slice(start, min(start + width, n)) for start in range(0, n, width)]


def _pass_parts(config: AcceleratorConfig, step: Pass, panels: list[Matrix]) -> Iterator[Pass]:
    options = step.options
    whole = (0, panels[0].rows) == (step.a.offset, step.a.rows) and step.a.columns == sum(p.columns for p in panels)
    if options.reduce != Reduce.NONE or options.causal or options.rotate or not whole:
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
