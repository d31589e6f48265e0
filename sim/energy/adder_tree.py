"""Number of adders and registers in the adder trees of a CIM macro, counted as the RTL builds them."""

from dataclasses import dataclass

from tilewright.sim.config import MacroConfig


@dataclass
class TreeSize:
    """Bits of one column of a macro."""

    full_adders: int = 0
    half_adders: int = 0
    registers: int = 0
    """Number of pipeline registers."""


def tree_size(macro: MacroConfig) -> TreeSize:
    """Return the size of the trees of one column: those of the bits of a slice, and the one that joins them.

    Each level of full and half adders reduces every weight to the next height of Dadda's sequence; a register follows
    ``tree_levels_per_stage`` levels, and the last level.
    """
    size = TreeSize()
    planes, levels = macro.input_bits_per_cycle, 0
    width = (macro.rows * ((1 << macro.cell_bits) - 1)).bit_length()
    tree = [macro.rows if weight < macro.cell_bits else 0 for weight in range(width)]
    for _ in range(macro.tree_levels):
        tree = _reduced(tree, size, planes)
        levels += 1
        if levels % macro.tree_levels_per_stage == 0:
            size.registers += planes * sum(tree)
    merged = [1] * macro.result_bits  # the correction, one word for all columns
    for plane in range(planes):
        for weight, height in enumerate(tree):
            if weight + plane < macro.result_bits:
                # Sums of sign bits count negative: missing bits become ones.
                merged[weight + plane] += 2 if plane == planes - 1 else height
    own = [height > 1 for height in merged]
    for level in range(macro.merge_levels):
        merged = _reduced(merged, size, 1)
        own = [one or before for one, before in zip(own, [False, *own], strict=False)]  # a carry may have come
        levels += 1
        if levels % macro.tree_levels_per_stage == 0 or level == macro.merge_levels - 1:
            size.registers += sum(height for height, one in zip(merged, own, strict=True) if one)
    return size


def _reduced(heap: list[int], size: TreeSize, count: int) -> list[int]:
    """Return the heights after one level, and add its adders to ``size``, ``count`` times."""
    target = 2
    while target * 3 // 2 < max(heap):
        target = target * 3 // 2
    reduced = [0] * (len(heap) + 1)
    for weight, height in enumerate(heap):
        rest = height
        while (excess := rest + reduced[weight] - target) > 0:
            if excess > 1:
                rest -= 3
                size.full_adders += count
            else:
                rest -= 2
                size.half_adders += count
            reduced[weight] += 1
            reduced[weight + 1] += 1
        reduced[weight] += rest
    return reduced[: len(heap)]
