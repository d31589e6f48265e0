"""Measured runs of kernels made up for tests, in proportion to a published run."""

from tilewright.gem5_configs.runs import PUBLISHED, MeasuredRun, read_runs

LIKE = next(run for run in read_runs(PUBLISHED) if run.workload == "npb-is-size-s")


def row(workload: str, seconds: float, **changes: object) -> MeasuredRun:
    """Return a run of a kernel with counts in proportion to its time."""
    counted = [name for name in MeasuredRun.model_fields if name.endswith(("insts", "accesses", "misses", "reads"))]
    scale = seconds / LIKE.sim_seconds
    counts = {name: getattr(LIKE, name) * scale for name in [*counted, "cond_mispredicts", "core_cycles"]}
    return LIKE.replace(workload=workload, sim_seconds=seconds, **counts, **changes)


# 2 ms of input and check, 3 ms a repetition.
ROWS = [row("sampling-l3-x1", 5e-3, host="cryogenic"), row("sampling-l3-x4", 14e-3, host="cryogenic")]
