"""Cases of the NPE's benches: jobs of one start, and the timing of memory."""

from dataclasses import dataclass

from tilewright.bench.npe_jobs import Job
from tilewright.bench.timing import NEAR, Timing


@dataclass(frozen=True, kw_only=True)
class Case:
    """Jobs of one start, and the memory timing."""

    name: str
    jobs: tuple[Job, ...]
    timing: Timing = NEAR
    seed: int = 1
    shares: tuple[int, ...] = (0, 0, 0, 0, 0)
    """Number of sixteenths of the cycles in which the channels ar, r, aw, w, b wait; cycles are then not compared with
    the model."""

    @property
    def macs(self) -> int:
        """Number of multiply-accumulates."""
        return sum(job.m * job.n * job.k for job in self.jobs)
