"""The drawing of an accelerator's area: a rectangle for each unit, all to one scale."""

import math
from pathlib import Path

from tilewright.base.drawing import COLOURS, LABEL_SIZE, TITLE_SIZE, look, new_figure, save
from tilewright.sim.energy.system_area import SystemArea

HATCHES = ("", "..", "xx")
"""Fillings that tell units of one colour apart."""


def draw_area(path: Path, title: str, area: SystemArea) -> Path:
    """Draw the units of an accelerator as rectangles that fill a square; write a PNG, return its path.

    Both axes are in millimetres. The darker part of a unit is its SRAM macros. It is no floorplan: where a unit lies,
    and its shape, say nothing, and wires have no area.
    """
    import squarify

    units = sorted((unit for unit in area.units if unit.area_um2), key=lambda unit: -unit.area_um2)
    side = math.sqrt(area.area_mm2)
    rectangles = squarify.squarify([unit.area_um2 / 1e6 for unit in units], 0, 0, side, side)
    figure, [axes] = new_figure(1, 1, (5.6, 6.2))
    figure.suptitle(f"{title}: {area.area_mm2:,.4g} mm² in {area.process}", fontsize=TITLE_SIZE)
    for at, (unit, place) in enumerate(zip(units, rectangles, strict=True)):
        x, y, width, height = place["x"], place["y"], place["dx"], place["dy"]
        (colour, _), hatch = look(at), HATCHES[at // (len(COLOURS) - 1) % len(HATCHES)]
        share = unit.area_um2 / 1e6 / area.area_mm2
        axes.bar(
            [x], [height], width, y, align="edge", color=colour, alpha=0.45, edgecolor="white", linewidth=1,
            hatch=hatch, label=f"{unit.unit}: {unit.area_um2 / 1e6:,.3g} mm² ({share:.1%})",
        )  # fmt: skip
        macros = unit.macros_um2 / unit.area_um2
        if macros:
            axes.bar([x], [height * macros], width, y, align="edge", color=colour, alpha=0.6, linewidth=0)
    axes.set_aspect("equal")
    axes.set_xlim(0, side)
    axes.set_ylim(0, side)
    axes.set_xlabel("mm; darker: SRAM macros", fontsize=LABEL_SIZE)
    axes.set_ylabel("mm", fontsize=LABEL_SIZE)
    return save(figure, path, legend_of=axes, legend_columns=2)
