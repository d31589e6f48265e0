"""The functional model beside one that takes each element by itself, from the exact sum on."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats import FP32, scalar
from tilewright.sim.formats.activation import NAMES, activate
from tilewright.sim.formats.scalar import Special
from tilewright.sim.formats.simd import ALL_MODES, INTEGER_MODES, Mode, SumFormat, result_format
from tilewright.sim.isa.descriptor import Activation, Along, Descriptor
from tilewright.sim.isa.npe_registers import NpeError, ReadStream
from tilewright.sim.machine.npe import values as npe_values

CONFIG = NpeConfig(rows=2, columns=2, bus_bits=64, depth=2)


class Slow:
    """The specification, an element at a time."""

    def __init__(self, job: Descriptor, memory: np.ndarray):
        self.job, self.memory = job, memory

    def code(self, base: int, stride: int, row: int, column: int, mode: Mode) -> int:
        bit = column * mode.bits
        at = base + row * stride + bit // 8
        word = int(self.memory[at]) | (int(self.memory[at + 1]) << 8 if mode.bits == 16 else 0)
        return word >> bit % 8 & ((1 << mode.bits) - 1)

    def float(self, base: int, index: int) -> np.float32:
        return self.memory[base + 4 * index :][:4].copy().view("<f4")[0]

    def exact(self, row: int, column: int) -> scalar.Value:
        job, mode = self.job, Mode(self.job.mode)

        def words(base: int, stride: int, line: int) -> list[int]:
            codes = [self.code(base, stride, line, k, mode) for k in range(job.k)]
            return [
                sum(code << mode.bits * lane for lane, code in enumerate(codes[start : start + mode.lanes]))
                for start in range(0, job.k, mode.lanes)
            ]

        return scalar.simd_dot(mode, words(job.a, job.a_stride, row), words(job.b, job.b_stride, column))

    def sum(self, row: int, column: int) -> np.float32:
        total = self.exact(row, column)
        if total is Special.NAN:
            return np.float32("nan")
        if total in scalar.INFINITIES:
            return np.float32("inf" if total is Special.INFINITY else "-inf")
        number = total if isinstance(total, Fraction) else Fraction(0)
        if self.job.out_format == SumFormat.FP32:
            return np.uint32(scalar.encode(FP32, number) if number else 0).view(np.float32)
        return to_odd(number)

    def element(self, row: int, column: int) -> np.float32:
        job = self.job
        y = self.sum(row, column)
        with np.errstate(all="ignore"):
            if job.scale:
                y = y * self.float(job.scale_address, row if job.scale == 1 else column)
            if job.bias:
                y = y + self.float(job.bias_address, row if job.bias == 1 else column)
            if job.residual:
                mode = Mode(job.residual_format)
                code = self.code(job.residual_address, job.residual_stride, row, column, mode)
                y = y + np.float32(mode.format.decode(np.array([code]))[0])
        return activate(NAMES[job.activation], np.array([y], np.float32))[0]

    def run(self) -> np.ndarray:
        job, after = self.job, self.memory.copy()
        out = result_format(job.out_format)
        touched = np.zeros_like(after)
        for row in range(job.m):
            total, squares, largest = np.float32(0), np.float32(0), np.float32("-inf")
            for column in range(job.n):
                y = self.element(row, column)
                with np.errstate(all="ignore"):
                    total, squares = total + y, squares + y * y
                if np.isnan(y) or np.isnan(largest):
                    largest = np.float32("nan")
                elif y > largest:
                    largest = y
                if out is SumFormat.INT32:
                    total_of_all = self.exact(row, column)
                    code = int(total_of_all) % (1 << 32) if isinstance(total_of_all, Fraction) else 0
                elif out is SumFormat.FP32:
                    code = canonical(y)
                else:
                    code = int(out.format.encode(np.array([y], np.float64))[0])
                line, place = (column, row) if job.transpose else (row, column)
                bit = place * out.bits
                at = job.c + line * job.c_stride + bit // 8
                for offset in range(max(1, out.bits // 8)):
                    old = int(after[at]) if touched[at] else 0
                    after[at] = old | (code >> 8 * offset & 255) << bit % 8
                    touched[at] = 1
                    at += 1
            record = [
                canonical(value) if on else 0
                for on, value in ((job.sum, total), (job.squares, squares), (job.maximum, largest))
            ]
            if any((job.sum, job.squares, job.maximum)):
                at = job.reductions + 16 * row
                after[at : at + 16] = np.array([*record, 0], "<u4").view(np.uint8)
        return after


def canonical(value: np.float32) -> int:
    return 0x7FC00000 if np.isnan(value) else int(np.float32(value).view(np.uint32))


def to_odd(total: Fraction) -> np.float32:
    """Return the FP32 with an odd last bit next to what is no FP32."""
    code = scalar.encode(FP32, total) if total else 0
    near = scalar.decode(FP32, code)
    if near == total:
        return np.uint32(code).view(np.float32)
    # What lies nearer to zero than the sum; then the odd one of it and the next.
    magnitude = code & 0x7FFFFFFF
    if near in scalar.INFINITIES or (isinstance(near, Fraction) and abs(near) > abs(total)):
        magnitude -= 1
    return np.uint32(code & 0x80000000 | magnitude | 1).view(np.float32)


def random_job(rng: np.random.Generator, **fields: int) -> tuple[Descriptor, np.ndarray]:
    """Return a small job with everything at random, and memory for it."""
    memory = rng.integers(0, 256, 1 << 14, dtype=np.uint8)
    mode = Mode(fields.get("mode", rng.integers(9)))
    places = iter(rng.permutation(8) * 0x600 + 0x800)
    job = Descriptor(
        **{  # type: ignore[arg-type]
            "mode": mode,
            "out_format": Mode(rng.integers(9)),
            "residual_format": Mode(rng.integers(9)),
            "activation": int(rng.integers(4)),
            "scale": int(rng.integers(3)),
            "bias": int(rng.integers(3)),
            "residual": int(rng.integers(2)),
            "transpose": int(rng.integers(2)),
            "sum": int(rng.integers(2)),
            "squares": int(rng.integers(2)),
            "maximum": int(rng.integers(2)),
            "m": int(rng.integers(1, 8)),
            "n": int(rng.integers(1, 8)),
            "k": int(rng.integers(1, 20)),
            **{
                name: int(next(places))
                for name in ("a", "b", "c", "scale_address", "bias_address", "residual_address", "reductions")
            },
            **{f"{name}_stride": int(rng.integers(6, 12)) * 8 for name in ("a", "b", "c", "residual")},
            **fields,
        }
    )
    if mode is Mode.BF16 and rng.random() < 0.8:
        # All codes alike would give nothing but NaN and infinities.
        for base, stride, rows in ((job.a, job.a_stride, job.m), (job.b, job.b_stride, job.n)):
            values = rng.standard_normal((rows, stride // 2)) * 2.0 ** rng.integers(-40, 12, (rows, 1))
            memory[base : base + rows * stride] = npe_values.pack_rows(Mode.BF16.format.encode(values), mode).ravel()
    for address in (job.scale_address, job.bias_address):
        if address < len(memory):
            values = rng.standard_normal(8).astype("<f4") * np.float32(4)
            memory[address : address + 32] = values.view(np.uint8)
    memory[0x80:0x100] = np.frombuffer(job.encode(), np.uint8)
    return job, memory


@pytest.mark.parametrize("mode", ALL_MODES, ids=lambda mode: mode.label)
def test_memory_is_what_each_element_by_itself_gives(mode):
    rng = np.random.default_rng(mode)
    for _ in range(30):
        job, memory = random_job(rng, mode=mode)
        outcome = npe_values.run(CONFIG, memory, 0x80, 1)
        assert (outcome.error, outcome.completed) == (NpeError.NONE, 1)
        expected = Slow(job, memory).run()
        wrong = np.nonzero(outcome.memory != expected)[0]
        assert not len(wrong), f"{job}: bytes {wrong}: {outcome.memory[wrong]}, not {expected[wrong]}"


PLAIN = dict.fromkeys(("scale", "bias", "residual", "activation", "sum", "squares", "maximum"), 0)


@pytest.mark.parametrize("out", list(SumFormat), ids=lambda out: out.label)
@pytest.mark.parametrize("mode", ALL_MODES, ids=lambda mode: mode.label)
def test_sums_in_memory_are_exact_or_rounded_once(mode, out):
    rng = np.random.default_rng(mode)
    for _ in range(8):
        job, memory = random_job(rng, **{"mode": mode, "out_format": out, "c_stride": 64, "m": 6, **PLAIN})
        outcome = npe_values.run(CONFIG, memory, 0x80, 1)
        if out is SumFormat.INT32 and mode not in INTEGER_MODES:
            assert (outcome.error, outcome.detail) == (NpeError.FIELD, 0)
            continue
        assert (outcome.memory == Slow(job, memory).run()).all()


def test_results_in_fp32_pass_the_whole_epilogue():
    rng = np.random.default_rng(9)
    for mode in ALL_MODES:
        fields = {"mode": mode, "out_format": SumFormat.FP32, "c_stride": 64, "scale": 1, "residual": 1, "m": 6}
        job, memory = random_job(rng, **fields)
        outcome = npe_values.run(CONFIG, memory, 0x80, 1)
        assert (outcome.memory == Slow(job, memory).run()).all()


def test_the_largest_sums_of_int8():
    for code, other in ((0x80, 0x80), (0x80, 0x7F)):
        memory = np.zeros(1 << 18, np.uint8)
        k = 65535
        memory[0x1000 : 0x1000 + k], memory[0x12000 : 0x12000 + k] = code, other
        job = Descriptor(
            mode=Mode.INT8, out_format=SumFormat.INT32, m=1, n=1, k=k, a=0x1000, b=0x12000, c=0x30000,
            a_stride=0, b_stride=0, c_stride=0,
        )  # fmt: skip
        npe_values.run_job(CONFIG, job, memory)
        expected = k * -128 * (-128 if other == 0x80 else 127)
        assert memory[0x30000:0x30004].view("<i4")[0] == expected


@pytest.mark.parametrize("along", [Along.ROW, Along.COLUMN])
def test_transpose_moves_the_elements_of_c_and_nothing_else(along):
    rng = np.random.default_rng(along)
    fields = {"m": 3, "n": 5, "scale": along, "bias": along, "activation": Activation.NONE, "residual": 1}
    fields |= dict.fromkeys(("sum", "squares", "maximum"), 1)
    job, memory = random_job(rng, mode=Mode.INT8, out_format=Mode.BF16, transpose=0, **fields)
    straight = npe_values.run(CONFIG, memory, 0x80, 1).memory
    memory[0x80:0x100] = np.frombuffer(replace(job, transpose=1).encode(), np.uint8)
    turned = npe_values.run(CONFIG, memory, 0x80, 1).memory

    def matrix(memory: np.ndarray, rows: int, columns: int) -> np.ndarray:
        lines = [memory[job.c + row * job.c_stride :][: 2 * columns] for row in range(rows)]
        return np.array(lines).view("<u2")

    assert len(np.unique(matrix(straight, 3, 5))) > 7
    assert (matrix(turned, 5, 3) == matrix(straight, 3, 5).T).all()
    records = slice(job.reductions, job.reductions + 16 * job.m)
    assert (turned[records] == straight[records]).all()
    assert (turned[records] != memory[records]).any()


def test_only_bytes_with_elements_are_written():
    job, memory = random_job(
        np.random.default_rng(1), mode=Mode.INT4, out_format=Mode.INT4, m=3, n=5, k=9, transpose=0, sum=0, squares=0,
        maximum=0,
    )  # fmt: skip
    after = npe_values.run(CONFIG, memory, 0x80, 1).memory
    row = np.arange(3)
    may = np.zeros(len(memory), dtype=bool)
    for line in row:
        may[job.c + line * job.c_stride :][:3] = True
        assert after[job.c + line * job.c_stride + 2] < 16, "the half without an element is zero"
    assert (after == memory)[~may].all()


def test_jobs_run_one_after_the_other_and_stop_at_the_first_bad_one():
    rng = np.random.default_rng(5)
    job, memory = random_job(rng, transpose=0, m=4, n=4, out_format=Mode.INT8, mode=Mode.INT8)
    # The second multiplies what the first has stored.
    second = Descriptor.decode(job.encode())
    second = Descriptor(**{**second.__dict__, "a": job.c, "a_stride": job.c_stride, "k": 4, "c": 0x3C00})
    bad = Descriptor(**{**second.__dict__, "n": 0})
    for index, each in enumerate((second, bad, second), 1):
        memory[0x80 + 128 * index :][:128] = np.frombuffer(each.encode(), np.uint8)
    two = npe_values.run(CONFIG, memory, 0x80, 2)
    assert (two.error, two.completed) == (NpeError.NONE, 2)
    assert (two.memory == Slow(second, Slow(job, memory).run()).run()).all()
    four = npe_values.run(CONFIG, memory, 0x80, 4)
    assert (four.error, four.detail, four.completed) == (NpeError.FIELD, 2, 2)
    assert (four.memory == two.memory).all()


@pytest.mark.parametrize(
    ("fields", "error", "detail"),
    [
        ({"a": 0x100000}, NpeError.READ_DECERR, ReadStream.A),
        ({"b": 0x3FF8, "b_stride": 8}, NpeError.READ_DECERR, ReadStream.B),
        ({"scale": Along.ROW, "scale_address": 0x4000}, NpeError.READ_DECERR, ReadStream.SCALE),
        ({"bias": Along.COLUMN, "bias_address": 0x4000}, NpeError.READ_DECERR, ReadStream.BIAS),
        ({"residual": 1, "residual_stride": 0x4000}, NpeError.READ_DECERR, ReadStream.RESIDUAL),
        ({"c": 0x3FF8}, NpeError.WRITE_DECERR, 0),
        ({"sum": 1, "reductions": 0x3FE0}, NpeError.WRITE_DECERR, 0),
        ({"m": 0}, NpeError.FIELD, 1),
    ],
)
def test_a_job_that_leaves_memory_is_refused(fields, error, detail):
    job, memory = random_job(np.random.default_rng(3), **{"m": 4, "n": 3, "activation": Activation.NONE} | fields)
    outcome = npe_values.run(CONFIG, memory, 0x80, 1)
    assert (outcome.error, outcome.detail, outcome.completed) == (error, detail, 0)
    assert (outcome.memory == memory).all()
    assert outcome.failed == (None if error is NpeError.FIELD else job)


@pytest.mark.parametrize(
    ("address", "count", "error", "detail"),
    [
        (0x80, 0, NpeError.COUNT, 0),
        (0x90, 1, NpeError.ALIGNMENT, 255),
        (1 << 33, 1, NpeError.RANGE, 255),
        (0x4000, 1, NpeError.READ_DECERR, ReadStream.DESCRIPTOR),
    ],
)
def test_a_start_without_a_descriptor_is_refused(address, count, error, detail):
    outcome = npe_values.run(CONFIG, bytes(0x4000), address, count)
    assert (outcome.error, outcome.detail, outcome.completed) == (error, detail, 0)


def test_codes_go_through_bytes():
    for form in (Mode.INT4, Mode.INT8, Mode.BF16):
        codes = np.random.default_rng(1).integers(0, 1 << form.bits, (5, 7))
        lines = npe_values.pack_rows(codes, form)
        assert lines.shape == (5, -(-7 * form.bits // 8))
        assert (npe_values.unpack_rows(lines, form, 7) == codes).all()
