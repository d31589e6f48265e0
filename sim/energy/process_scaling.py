"""Area, delay and energy carried from one process to another, which is a rough estimate and always marked as one.

Factors are those of A. Stillmaker and B. Baas, "Scaling equations for the accurate prediction of CMOS device
performance from 180 nm to 7 nm", Integration 58, 2017, pages 74 to 81: areas of table 4, the geometric mean of the
geometries that the ITRS states; delay and energy of an inverter that drives four of its kind, polynomials of the supply
voltage that table 5 fits to simulations with predictive models, high-performance ones below 65 nm. Read in two public
transcriptions that agree but for one digit: UCLA's nodeScale (commit a912c60) and accelforge's scaling functions; the
energies of 65 and 32 nm are those that the authors' correction of their example repeats.
"""

import math
from dataclasses import dataclass

from tilewright.base.errors import ConfigError

SOURCE = "Stillmaker and Baas, Integration 58, 2017, tables 4 and 5"


@dataclass(frozen=True)
class Node:
    """Factors of a process node."""

    area: float
    """Area of a circuit, over that in 7 nm."""
    delay: tuple[float, float, float, float]
    """Coefficients of the delay in ps: of the third power of the voltage in V, of the second, of the first, and 1."""
    energy: tuple[float, float, float]
    """Coefficients of the energy of a transition in fJ: of the second power of the voltage, of the first, and 1."""


NODES: dict[float, Node] = {
    180: Node(320, (0, 97.09, -356.7, 406.5), (0, 24.64, -17.98)),
    130: Node(110, (-76.65, 334.9, -493.4, 275.8), (7.171, -6.709, 2.904)),
    90: Node(48, (-60.34, 262.5, -384.2, 210.9), (4.762, -4.781, 2.092)),
    65: Node(25, (-53.3, 230.4, -333.9, 178.6), (3.755, -4.398, 1.975)),
    45: Node(17, (-501.6, 1567, -1619, 566.1), (1.018, -0.3107, 0.1539)),
    32: Node(7.8, (-1047, 2982, -2797, 873.5), (0.8367, -0.4341, 0.1701)),
    20: Node(3.6, (0, 34.63, -66.37, 41.15), (0.373, -0.1582, 0.04104)),
    16: Node(3.2, (0, 24.8, -47.52, 28.87), (0.2958, -0.1241, 0.03024)),
    14: Node(2.9, (-40.66, 109.2, -100.6, 35.92), (0.2363, -0.09675, 0.02239)),
    10: Node(1.7, (-34.95, 93.65, -85.99, 30.4), (0.2068, -0.09311, 0.02375)),
    7: Node(1, (-28.58, 76.6, -70.26, 24.69), (0.1776, -0.09097, 0.02447)),
}
"""Factors by node in nm."""
HIGHEST_V = 2.0
"""Highest supply voltage of any node: the source has 1.8 V at 180 nm."""


@dataclass(frozen=True)
class ProcessPoint:
    """A process node at a supply voltage."""

    node_nm: float
    """Node in nm, 7 to 180. One that the source does not list lies between the two next to it, by interpolation of
    the logarithms."""
    voltage_v: float
    """Supply voltage in V, within :func:`voltage_range` of the node."""

    def __str__(self) -> str:
        return f"{self.node_nm:g} nm, {self.voltage_v:g} V"


@dataclass(frozen=True)
class Scaling:
    """Factors from one process to another: a figure of the first times the factor is an estimate for the second."""

    source: ProcessPoint
    target: ProcessPoint
    area: float
    delay: float
    energy: float
    """Factor of the energy that transitions cost; leakage does not follow it."""

    @property
    def remark(self) -> str:
        """Sentence that belongs beside every scaled figure: from which process to which, and by which source."""
        said = f"scaled from {self.source} to {self.target} by {SOURCE}: an estimate"
        between = [f"{point.node_nm:g}" for point in (self.source, self.target) if point.node_nm not in NODES]
        return said + (f"; {' and '.join(between)} nm interpolated" if between else "")


def scaling(source: ProcessPoint, target: ProcessPoint) -> Scaling:
    """Return the factors from one process to another.

    Raises
    ------
    ConfigError
        If a node is outside 7 to 180 nm, or a voltage outside the range of its fit.
    """
    before, after = _figures(source), _figures(target)
    area, delay, energy = (second / first for first, second in zip(before, after, strict=True))
    return Scaling(source=source, target=target, area=area, delay=delay, energy=energy)


def _figures(point: ProcessPoint) -> tuple[float, float, float]:
    """Return area, delay and energy of a point, by interpolation if the source does not list its node."""
    if not min(NODES) <= point.node_nm <= max(NODES):
        raise ConfigError(f"node = {point.node_nm:g} nm is not allowed: {min(NODES)} to {max(NODES)} nm")
    larger = min(node for node in NODES if node >= point.node_nm)
    smaller = max(node for node in NODES if node <= point.node_nm)
    first, second = _listed(larger, point), _listed(smaller, point)
    if larger == smaller:
        return first
    share = math.log(larger / point.node_nm) / math.log(larger / smaller)
    area, delay, energy = (a ** (1 - share) * b**share for a, b in zip(first, second, strict=True))
    return area, delay, energy


def _listed(node_nm: float, point: ProcessPoint) -> tuple[float, float, float]:
    """Return area, delay and energy of a node of the source at the voltage of a point."""
    if not _fits(node_nm, point.voltage_v):
        low, high = voltage_range(node_nm)
        raise ConfigError(
            f"voltage = {point.voltage_v:g} V is not allowed at {point.node_nm:g} nm: {low:.2f} to {high:.2f} V, where "
            f"the source's fit of {node_nm:g} nm makes sense"
        )
    node = NODES[node_nm]
    return node.area, _polynomial(node.delay, point.voltage_v), _polynomial(node.energy, point.voltage_v)


def _fits(node_nm: float, volts: float) -> bool:
    """Return whether delay and energy of a listed node are above zero and the energy rises with the voltage.

    The fitted delay need not fall with the voltage: that of 32 nm rises from 7.6 ps at 0.85 V to 12.3 ps at 1.05 V.
    """
    node = NODES[node_nm]
    b2, b1, _ = node.energy
    return (
        0 < volts <= HIGHEST_V
        and _polynomial(node.delay, volts) > 0 < _polynomial(node.energy, volts)
        and (2 * b2 * volts + b1 > 0)
    )


def voltage_range(node_nm: float) -> tuple[float, float]:
    """Return the lowest and the highest voltage in V that a listed node may have, in steps of 10 mV."""
    allowed = [step / 100 for step in range(1, round(HIGHEST_V * 100) + 1) if _fits(node_nm, step / 100)]
    return allowed[0], allowed[-1]


def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    value = 0.0
    for each in coefficients:
        value = value * x + each
    return value
