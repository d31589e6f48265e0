"""Cases of the NPE's benches: jobs of one start, and the timing of memory."""

import random
from dataclasses import dataclass
from typing import Protocol

from tilewright.bench.npe_jobs import Image, ImageBuilder, Job
from tilewright.bench.timing import NEAR, Timing
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode


class Source(Protocol):
    """Whatever cases are drawn for: a bench in a simulation, or :class:`.Draws` without one."""

    config: NpeConfig
    rng: random.Random
    memory_bytes: int


@dataclass
class Draws:
    """Random numbers of a bench without its simulation: the same cases are drawn."""

    config: NpeConfig
    rng: random.Random
    memory_bytes: int


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

    def image(self, config: NpeConfig) -> Image:
        """Return the memory with the jobs, filled at random."""
        return ImageBuilder(config, self.seed).build(self.jobs)


@dataclass(frozen=True, kw_only=True)
class ImageCase(Case):
    """Jobs with operands of their own: those of a memory."""

    content: Image

    def image(self, config: NpeConfig) -> Image:
        return self.content


def image_case(name: str, content: Image, timing: Timing = NEAR) -> ImageCase:
    """Return the case of a memory with jobs."""
    jobs = tuple(
        Job(m=each.m, n=each.n, k=each.k, mode=Mode(each.mode), out=Mode(each.out_format))
        for each in content.descriptors
    )
    return ImageCase(name=name, jobs=jobs, timing=timing, content=content)
