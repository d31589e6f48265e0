"""The memory that benches of the NPE find."""

import numpy as np
import pytest

from tilewright.bench.npe_jobs import ImageBuilder, Job
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import ALL_MODES, Mode
from tilewright.sim.isa.descriptor import Along, Descriptor
from tilewright.sim.isa.npe_registers import NpeError
from tilewright.sim.machine.npe import values as npe_values

CONFIG = NpeConfig(rows=2, columns=4, bus_bits=128)


def spaces(job: Descriptor) -> dict[str, tuple[int, int]]:
    """Return the bytes that each matrix and vector of a job takes, first and behind the last."""
    found = {"a": (job.a, job.a + job.m * job.a_stride), "b": (job.b, job.b + (job.n * job.b_stride or 16))}
    found["c"] = (job.c, job.c + (job.n if job.transpose else job.m) * job.c_stride)
    for name, along in (("scale", job.scale), ("bias", job.bias)):
        start = getattr(job, f"{name}_address")
        if along:
            found[name] = (start, start + 4 * (job.m if along == Along.ROW else job.n))
    if job.residual:
        found["residual"] = (job.residual_address, job.residual_address + job.m * job.residual_stride)
    if job.reduces:
        found["reductions"] = (job.reductions, job.reductions + 16 * job.m)
    return found


def test_nothing_lies_on_anything_else():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        job = Job(
            m=int(rng.integers(1, 20)), n=int(rng.integers(1, 20)), k=int(rng.integers(1, 90)),
            mode=Mode(rng.integers(9)), out=Mode(rng.integers(9)), residual=Mode(rng.integers(9)),
            scale=Along.ROW, bias=Along.COLUMN, sum=True, transpose=bool(rng.integers(2)), slack=int(rng.integers(-1, 3)),
        )  # fmt: skip
        image = ImageBuilder(CONFIG, seed).build([job, job])
        taken = np.zeros(len(image.memory), int)
        taken[image.address : image.address + 2 * 128] += 1
        for descriptor in image.descriptors:
            assert descriptor.check(CONFIG) is None
            for first, behind in spaces(descriptor).values():
                taken[first:behind] += 1
        assert taken.max() == 1
        assert npe_values.run(CONFIG, image.memory, image.address, 2).error is NpeError.NONE


@pytest.mark.parametrize("mode", ALL_MODES, ids=lambda mode: mode.label)
def test_results_differ_enough_to_be_told_apart(mode):
    job = Job(m=16, n=16, k=64, mode=mode, scale=Along.ROW, out=mode)
    image = ImageBuilder(CONFIG, 1).build([job])
    [(places, codes)] = npe_values.results(CONFIG, image.descriptors[0], image.memory)
    assert places.shape == codes.shape
    counts = np.unique(codes, return_counts=True)[1]
    assert counts.max() < 0.6 * codes.size


def test_a_seed_gives_the_same_memory_again():
    jobs = [Job(m=3, n=4, k=5, bias=Along.ROW)]
    first, again, other = (ImageBuilder(CONFIG, seed).build(jobs).memory for seed in (1, 1, 2))
    assert (first == again).all()
    assert len(first) != len(other) or (first != other).any()
