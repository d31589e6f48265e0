"""Effect of the NPE's descriptors on memory, without time.

Bit for bit what the RTL leaves behind, as long as no job reads what the same job writes, and no byte is written twice
by a job. (A residual may lie exactly where C goes.)
"""

from dataclasses import dataclass

import numpy as np

from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode, ResultFormat, result_format, simd_matmul
from tilewright.sim.isa.descriptor import Along, Descriptor, Problem, check_start
from tilewright.sim.isa.npe_registers import NpeError, ReadStream
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES, RECORD_BYTES

from .epilogue import Epilogue, epilogue
from .schedule import Request, schedule


@dataclass(frozen=True)
class Outcome:
    """Result of a start."""

    memory: np.ndarray
    """Content of all memory, uint8."""
    error: NpeError = NpeError.NONE
    detail: int = 0
    completed: int = 0
    """Number of finished descriptors."""
    failed: Descriptor | None = None
    """Job that memory refused; the RTL may have written any part of its results, the model writes none."""


def run(config: NpeConfig, memory: np.ndarray, address: int, count: int) -> Outcome:
    """Return the result of a start on a memory that begins at address 0 and answers DECERR beyond its end.

    Parameters
    ----------
    config : NpeConfig
        Parameters of the NPE.
    memory : ndarray of uint8, or bytes
        Stays as it is.
    address, count : int
        Contents that software writes to DESCRIPTOR and COUNT.
    """
    memory = np.frombuffer(bytes(memory), dtype=np.uint8).copy()
    problem = check_start(config, address, count)
    if problem:
        return Outcome(memory, *problem)
    for index in range(count):
        begin = (address + index * DESCRIPTOR_BYTES) % (1 << config.address_bits)
        if begin + DESCRIPTOR_BYTES > len(memory):
            return Outcome(memory, NpeError.READ_DECERR, ReadStream.DESCRIPTOR, index)
        job = Descriptor.decode(memory[begin : begin + DESCRIPTOR_BYTES].tobytes())
        problem = job.check(config)
        if problem:
            return Outcome(memory, *problem, index)
        problem = memory_error(config, job, len(memory))
        if problem:
            return Outcome(memory, *problem, index, job)
        run_job(config, job, memory)
    return Outcome(memory, completed=count)


def run_job(config: NpeConfig, job: Descriptor, memory: np.ndarray) -> None:
    """Write the results of a job into a memory that begins at address 0; the job must be valid."""
    for where, values in results(config, job, memory):
        memory[where] = values


def places(config: NpeConfig, job: Descriptor) -> list[np.ndarray]:
    """Return the addresses that a job writes: shape (lines, bytes of a line), of C, then of records."""
    rows, columns = (job.n, job.m) if job.transpose else (job.m, job.n)
    found = [_lines(config, job.c, job.c_stride, rows, _row_bytes(result_format(job.out_format), columns))]
    if job.reduces:
        found.append(_lines(config, job.reductions, RECORD_BYTES, job.m, RECORD_BYTES))
    return found


def results(config: NpeConfig, job: Descriptor, memory: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the bytes that a job writes: addresses in the way of :func:`places`, and a byte for each."""
    mode, residual_format, out_format = Mode(job.mode), Mode(job.residual_format), result_format(job.out_format)
    m, n = job.m, job.n

    def matrix(base: int, stride: int, rows: int, form: Mode, columns: int) -> np.ndarray:
        lines = memory[_lines(config, base, stride, rows, _row_bytes(form, columns))]
        return unpack_rows(lines, form, columns)

    def floats(base: int, along: int) -> np.ndarray | None:
        if not along:
            return None
        length = m if along == Along.ROW else n
        values = memory[_lines(config, base, 0, 1, 4 * length)].view("<f4")
        return values.reshape((m, 1) if along == Along.ROW else (1, n))

    sums = simd_matmul(mode, matrix(job.a, job.a_stride, m, mode, job.k), matrix(job.b, job.b_stride, n, mode, job.k))
    residual = None
    if job.residual:
        residual = matrix(job.residual_address, job.residual_stride, m, residual_format, n)
        residual = residual_format.format.decode(residual).astype(np.float32)
    done: Epilogue = epilogue(
        sums,
        scale=floats(job.scale_address, job.scale),
        bias=floats(job.bias_address, job.bias),
        residual=residual,
        activation=job.activation,
        out_format=out_format,
    )
    written = [pack_rows(done.codes.T if job.transpose else done.codes, out_format)]
    if job.reduces:
        records = np.zeros((m, RECORD_BYTES // 4), dtype="<u4")
        reductions = ((job.sum, done.sum), (job.squares, done.squares), (job.maximum, done.maximum))
        for word, (on, values) in enumerate(reductions):
            if on:
                records[:, word] = values.view(np.uint32)
        written.append(records.view(np.uint8))
    return list(zip(places(config, job), written, strict=True))


def pack_rows(codes: np.ndarray, form: ResultFormat) -> np.ndarray:
    """Return rows of codes as bytes, shape (rows, bytes of a row); the unused half of a last byte is 0."""
    if form.bits == 32:
        return np.ascontiguousarray(codes, dtype="<u4").view(np.uint8)
    if form.bits == 16:
        return np.ascontiguousarray(codes, dtype="<u2").view(np.uint8)
    codes = np.ascontiguousarray(codes, dtype=np.uint8)
    if form.bits == 8:
        return codes
    codes = np.pad(codes, ((0, 0), (0, codes.shape[1] % 2)))
    return codes[:, ::2] | codes[:, 1::2] << 4


def unpack_rows(lines: np.ndarray, form: ResultFormat, columns: int) -> np.ndarray:
    """Return the codes of rows of bytes; the inverse of :func:`pack_rows`."""
    if form.bits == 32:
        return np.ascontiguousarray(lines).view("<u4")[:, :columns]
    if form.bits == 16:
        return np.ascontiguousarray(lines).view("<u2")[:, :columns]
    if form.bits == 8:
        return lines[:, :columns]
    return np.stack((lines & 15, lines >> 4), axis=2).reshape(len(lines), -1)[:, :columns]


def _row_bytes(form: ResultFormat, columns: int) -> int:
    return -(-columns * form.bits // 8)


def _lines(config: NpeConfig, base: int, stride: int, rows: int, length: int) -> np.ndarray:
    """Return the address of every byte of some rows, which wraps as the hardware's does."""
    starts = np.array([(base + row * stride) % (1 << config.address_bits) for row in range(rows)], dtype=np.uint64)
    places: np.ndarray = starts[:, None] + np.arange(length, dtype=np.uint64)
    return places & np.uint64((1 << config.address_bits) - 1)


def memory_error(
    config: NpeConfig, job: Descriptor, size: int, bad_address: int | None = None, bad_response: int = 2
) -> Problem | None:
    """Return the error of a job that memory refuses: of its first refused read, or else of its writes.

    Parameters
    ----------
    size : int
        Size of memory; accesses beyond it are answered with DECERR.
    bad_address, bad_response : int
        Byte whose beat is answered with an error, and with which: 2 SLVERR, 3 DECERR.
    """
    beat = config.bus_bytes
    for item in schedule(config, job):
        if isinstance(item, Request):
            error = read_error(
                item.address, item.beats * beat, ReadStream(item.stream), size, bad_address, bad_response
            )
            if error is not None:
                return error
    written = places(config, job)
    if any(lines.max() >= size for lines in written):
        return NpeError.WRITE_DECERR, 0
    if bad_address is not None and any((lines // beat == bad_address // beat).any() for lines in written):
        return NpeError(NpeError.WRITE_SLVERR + (bad_response == 3)), 0
    return None


def read_error(
    address: int, length: int, stream: ReadStream, size: int, bad_address: int | None, bad_response: int
) -> Problem | None:
    """Return the error of a read of whole beats, if memory refuses it; the parameters are those of
    :func:`memory_error`."""
    if address + length > size:
        return NpeError.READ_DECERR, stream
    if bad_address is not None and address <= bad_address < address + length:
        return NpeError(NpeError.READ_SLVERR + (bad_response == 3)), stream
    return None
