"""Jobs for an NPE and the memory that they find: seeded, over the formats' codes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import INTEGER_MODES, Mode, ResultFormat, SumFormat
from tilewright.sim.isa.descriptor import Activation, Along, Descriptor
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES, RECORD_BYTES
from tilewright.sim.machine.npe.values import pack_rows

PAGE = 4096


@dataclass(frozen=True, kw_only=True)
class Job:
    """One matrix product with its epilogue."""

    m: int
    n: int
    k: int
    mode: Mode = Mode.INT8
    out: ResultFormat | None = None
    """Format of C; by default the format of the operands."""
    scale: Along = Along.NONE
    bias: Along = Along.NONE
    residual: Mode | None = None
    activation: Activation = Activation.NONE
    transpose: bool = False
    sum: bool = False
    squares: bool = False
    maximum: bool = False
    specials: bool = False
    """Flag: NaR, NaN and infinities are among the operands and parameters."""
    lowest: bool = False
    """Flag: all operands are the lowest number of their format, whose products are the largest."""
    chained: bool = False
    """Flag: A is the C of the job before, with its shape and format."""
    in_place: bool = False
    """Flag: C is written to the place of the residual."""
    slack: int = 0
    """Number of beats between the rows of each matrix; -1: all rows of B are one row, with a stride of 0; -2: all rows
    of A are."""

    @property
    def out_format(self) -> ResultFormat:
        return self.mode if self.out is None else self.out

    @property
    def sums(self) -> "Job":
        """The same product without an epilogue, its exact sums in INT32."""
        return Job(
            m=self.m, n=self.n, k=self.k, mode=self.mode, out=SumFormat.INT32, transpose=self.transpose,
            chained=self.chained, slack=self.slack,
        )  # fmt: skip


def random_job(config: NpeConfig, rng: random.Random, before: Job | None = None) -> Job:
    """Return a small job of a few tiles each way, everything else at random; it may take its A from the job before.

    A third of the products of integers are exact sums.
    """
    chained = before is not None and not before.transpose and before.out_format in config.modes and rng.random() < 0.4
    if chained:
        assert before is not None
        mode, m, k = Mode(before.out_format), before.m, before.n
    else:
        mode = rng.choice(config.modes)
        m = rng.choice((1, rng.randint(1, 2 * config.panels * config.rows), rng.randint(1, 2 * config.rows)))
        # Up to more words than a panel has, so that K is cut; a single row may have as many as all panels.
        panels = config.vector_chunks if m == 1 else 2
        words = rng.choice((1, rng.randint(1, 12), rng.randint(1, min(panels * config.panel_words + 3, 200))))
        k = rng.randint(max(1, (words - 1) * mode.lanes), words * mode.lanes)
    out: ResultFormat = SumFormat.FP32 if rng.random() < 0.3 else rng.choice(config.modes)
    transpose = rng.random() < 0.3
    added = rng.choice(config.modes)
    residual = rng.choice((None, added, out if isinstance(out, Mode) else added))
    job = Job(
        m=m,
        n=rng.choice((1, rng.randint(1, 4 * config.columns), rng.randint(1, 2 * config.columns))),
        k=k,
        mode=mode,
        out=out,
        scale=rng.choice(tuple(Along)),
        bias=rng.choice(tuple(Along)),
        residual=residual,
        activation=rng.choice(tuple(Activation)),
        transpose=transpose,
        sum=rng.random() < 0.3,
        squares=rng.random() < 0.3,
        maximum=rng.random() < 0.3,
        specials=rng.random() < 0.3,
        chained=chained,
        in_place=residual is out and not transpose and rng.random() < 0.5,
        slack=rng.choice((0, 0, 1, 3, -1)),
    )
    return job.sums if mode in INTEGER_MODES and rng.random() < 1 / 3 else job


@dataclass(frozen=True)
class Image:
    """Content of memory from address 0 on, and the addresses of the descriptors."""

    memory: np.ndarray
    address: int
    descriptors: tuple[Descriptor, ...]


class ImageBuilder:
    """Lays jobs out in memory: random bytes wherever nothing else is.

    Parameters
    ----------
    config : NpeConfig
        Parameters of the NPE.
    seed : int
        Of everything random.
    """

    def __init__(self, config: NpeConfig, seed: int):
        self.config = config
        self.rng = np.random.default_rng(seed)
        self._end = 0
        self._content: list[tuple[int, np.ndarray]] = []

    def build(self, jobs: Sequence[Job]) -> Image:
        """Return the memory for some jobs of one start."""
        # Not at 0, where an address that was lost would point to.
        address = self._reserve(len(jobs) * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES, gap=DESCRIPTOR_BYTES)
        descriptors: list[Descriptor] = []
        for job in jobs:
            descriptors.append(self._job(job, descriptors[-1] if descriptors else None))
        for index, descriptor in enumerate(descriptors):
            self._put(address + index * DESCRIPTOR_BYTES, descriptor.encode())
        # Room behind the last byte, to see what is written there.
        size = -(-(self._end + self.config.bus_bytes) // PAGE) * PAGE
        memory = self.rng.integers(0, 256, size, dtype=np.uint8)
        for start, content in self._content:
            memory[start : start + len(content)] = content
        return Image(memory, address, tuple(descriptors))

    def _reserve(self, size: int, alignment: int, gap: int = 0) -> int:
        start = -(-(self._end + gap) // alignment) * alignment
        self._end = start + size
        return start

    def _put(self, address: int, content: bytes | np.ndarray) -> None:
        data = np.frombuffer(content, np.uint8) if isinstance(content, bytes) else content
        self._content.append((address, data))

    def _place(self, size: int, alignment: int | None = None) -> int:
        """Return an address for ``size`` bytes, often just below a multiple of 4 KiB."""
        beat = self.config.bus_bytes
        if self.rng.random() < 0.3 and size < PAGE:
            page = -(-self._end // PAGE) * PAGE
            inside = int(self.rng.integers(1, 5)) * max(beat, alignment or 0)
            if page - inside >= self._end:
                self._end = page - inside
        return self._reserve(size, alignment or beat, gap=int(self.rng.integers(0, 3)) * beat)

    def _matrix(self, codes: np.ndarray, form: Mode, slack: int) -> tuple[int, int]:
        """Store a matrix; return its address and stride."""
        lines = pack_rows(codes, form)
        rows, length = lines.shape
        address, stride = self._room(rows, length, slack)
        for row, line in enumerate(lines):
            self._put(address + row * stride, line)
        return address, stride

    def _room(self, rows: int, row_bytes: int, slack: int) -> tuple[int, int]:
        beat = self.config.bus_bytes
        stride = (-(-row_bytes // beat) + slack) * beat
        # The last beat of the last row is read in full.
        return self._place(rows * stride), stride

    def _job(self, job: Job, before: Descriptor | None) -> Descriptor:
        b = self._operand(job, 1 if job.slack == -1 else job.n)
        slack = max(job.slack, 0)
        if job.chained:
            assert before is not None
            a_address, a_stride = before.c, before.c_stride
            spread = 1.0
        else:
            a = self._operand(job, 1 if job.slack == -2 else job.m)
            a_address, a_stride = self._matrix(a, job.mode, slack)
            a_stride = 0 if job.slack == -2 else a_stride
            spread = _spread(job.mode, a)
        b_address, b_stride = self._matrix(b, job.mode, slack)
        # Sums are brought to where the format of C tells them apart.
        unit = (30 if job.out_format is Mode.INT8 else 3) / max(spread * _spread(job.mode, b) * job.k**0.5, 1e-30)
        scale_address = self._floats(job.scale, job, unit)
        bias_address = self._floats(job.bias, job, 30 if job.out_format is Mode.INT8 else 1)
        lines, places = (job.n, job.m) if job.transpose else (job.m, job.n)
        row_bytes = -(-places * job.out_format.bits // 8)
        residual_address = residual_stride = 0
        if job.residual is not None:
            codes = self.codes(job.residual, (job.m, job.n), job.specials)
            residual_address, residual_stride = self._matrix(codes, job.residual, slack)
        if job.in_place:
            assert job.residual is job.out_format
            assert not job.transpose
            c_address, c_stride = residual_address, residual_stride
        else:
            c_address, c_stride = self._room(lines, row_bytes, slack)
        reduces = job.sum or job.squares or job.maximum
        reductions = self._place(RECORD_BYTES * job.m, self.config.record_alignment) if reduces else 0
        return Descriptor(
            mode=job.mode,
            out_format=job.out_format,
            residual_format=self.config.modes[0] if job.residual is None else job.residual,
            activation=job.activation,
            scale=job.scale,
            bias=job.bias,
            residual=int(job.residual is not None),
            transpose=int(job.transpose),
            sum=int(job.sum),
            squares=int(job.squares),
            maximum=int(job.maximum),
            m=job.m,
            n=job.n,
            k=job.k,
            a=a_address,
            b=b_address,
            c=c_address,
            scale_address=scale_address,
            bias_address=bias_address,
            residual_address=residual_address,
            reductions=reductions,
            a_stride=a_stride,
            b_stride=0 if job.slack == -1 else b_stride,
            c_stride=c_stride,
            residual_stride=residual_stride,
        )

    def _operand(self, job: Job, rows: int) -> np.ndarray:
        if job.lowest:
            form = job.mode.format
            return form.encode(np.full((rows, job.k), form.lowest))
        return self.codes(job.mode, (rows, job.k), job.specials)

    def _floats(self, along: Along, job: Job, unit: float) -> int:
        """Store a scale or a bias; return its address, any if there is none."""
        if not along:
            return int(self.rng.integers(1 << 40))
        length = job.m if along is Along.ROW else job.n
        values = (self.rng.choice((-1, 1), length) * self.rng.uniform(0.5, 1.5, length) * unit).astype("<f4")
        odd = self.rng.random(len(values)) < 0.02
        values[odd] = self.rng.choice(np.array(["0", "-0", "1e-41", "-3e38"], "<f4"), odd.sum())
        if job.specials:
            odd = self.rng.random(len(values)) < 0.02
            values[odd] = self.rng.choice(np.array(["inf", "-inf", "nan"], "<f4"), odd.sum())
        address = self._place(4 * len(values))
        self._put(address, values.view(np.uint8))
        return address

    def codes(self, form: Mode, shape: tuple[int, ...], specials: bool) -> np.ndarray:
        """Return random codes: any finite ones, in bf16 mostly of moderate size; with ``specials`` a few others."""
        rng = self.rng
        every = np.arange(1 << form.bits, dtype=form.format.code_dtype)
        finite = np.isfinite(form.format.decode(every))
        codes = rng.choice(every[finite], shape)
        if form is Mode.BF16:
            exponents = rng.integers(-20, 8, (shape[0], 1))
            moderate = form.format.encode(rng.standard_normal(shape) * 2.0**exponents)
            codes = np.where(rng.random(shape) < 0.002, codes, moderate)
        if specials and not finite.all():
            codes = np.where(rng.random(shape) < 0.01, rng.choice(every[~finite], shape), codes)
        return codes


def _spread(form: Mode, codes: np.ndarray) -> float:
    """Return the standard deviation of the finite values, or 1 if they are all alike."""
    values = form.format.decode(codes)
    values = values[np.isfinite(values)]
    return float(np.clip(np.median(np.abs(values)) if form is Mode.BF16 else values.std(), 0, 1e30)) or 1.0
