"""The core model inverted: how slow a part may be for a workload to stay fast."""

from collections.abc import Callable, Sequence

from tilewright.gem5_configs.core_model import predict
from tilewright.gem5_configs.runs import MeasuredRun
from tilewright.sim.config.host import HostConfig
from tilewright.sim.config.host_clocks import PARTS, HostClocks, Part

STEPS = 40
"""Number of halvings of the range of clocks: a factor of 1000 shrinks to less than one in a thousand million."""


def kept_speedup(
    run: MeasuredRun, parts: Sequence[Part], ghz: float, high_ghz: float, host: HostConfig | None = None
) -> float:
    """Return the share of the speed-up with all parts at ``high_ghz`` that is left with ``parts`` at ``ghz``."""
    fast: dict[str, float] = {f"{part}_ghz": high_ghz for part in PARTS}
    slowed = fast | {f"{part}_ghz": ghz for part in parts}
    return (
        predict(run, HostClocks.model_validate(fast), host).seconds
        / predict(run, HostClocks.model_validate(slowed), host).seconds
    )


def needed_ghz(
    run: MeasuredRun,
    parts: Sequence[Part],
    share: float,
    high_ghz: float,
    low_ghz: float,
    host: HostConfig | None = None,
) -> float | None:
    """Return the slowest clock of ``parts`` that keeps a share of the speed-up with all parts at ``high_ghz``.

    Parameters
    ----------
    run : MeasuredRun
        Measured run from which predictions start.
    parts : sequence of Part
        Parts that share the clock that is sought; all others run at ``high_ghz``.
    share : float
        Share of the speed-up to keep, over 0 and at most 1.
    high_ghz, low_ghz : float
        Range of the search.
    host : HostConfig, optional
        Host with the run's core and caches; by default, the host of the published runs.

    Returns
    -------
    float or None
        Clock in GHz; None if ``low_ghz`` is enough.
    """
    return slowest(lambda ghz: kept_speedup(run, parts, ghz, high_ghz, host) >= share, low_ghz, high_ghz)


def slowest(enough: Callable[[float], bool], low_ghz: float, high_ghz: float) -> float | None:
    """Return the slowest clock that is enough, by bisection; None if ``low_ghz`` is enough.

    ``enough`` must hold at ``high_ghz`` and at all clocks above one that it holds at.

    Raises
    ------
    ValueError
        If ``high_ghz`` is not enough.
    """
    if enough(low_ghz):
        return None
    if not enough(high_ghz):
        raise ValueError(f"high_ghz = {high_ghz:g} is not enough: nothing to seek below it")
    for _ in range(STEPS):
        middle = (low_ghz * high_ghz) ** 0.5
        if enough(middle):
            high_ghz = middle
        else:
            low_ghz = middle
    return high_ghz
