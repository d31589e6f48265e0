"""Bench of the NPE under errors of memory and of software, aborts and resets."""

from collections.abc import Iterator

import cocotb
from cocotb.triggers import ClockCycles

from tilewright.bench.golden import predict_npe
from tilewright.bench.register_port import DECERR, OKAY, SLVERR
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.npe.cases import Source
from tilewright.cocotb_tests.npe.driver import NpeBench
from tilewright.cocotb_tests.npe.failing_starts_driver import (
    TIMEOUT_CYCLES,
    Plan,
    changed,
    check_memory,
    expect,
    goes_on,
    plan,
    prepare,
)
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import INTEGER_MODES, SumFormat
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.npe_registers import NPE_ID, NpeError, ReadStream, Register, geometry, mode_mask
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES
from tilewright.sim.machine.npe import values as npe_values
from tilewright.sim.machine.npe.schedule import Request, schedule

BENCH = "tilewright.cocotb_tests.npe.cb_npe_errors"
"""Name of this module, as cocotb imports it."""
EPILOGUE = ("scale", "bias", "residual", "activation", "sum", "squares", "maximum")
"""Fields of a descriptor that switch parts of the epilogue on."""


def beats_read(config: NpeConfig, made: Plan) -> dict[ReadStream, list[int]]:
    """Return the addresses of the beats that the first job reads, by stream."""
    beat = config.bus_bytes
    found: dict[ReadStream, list[int]] = {stream: [] for stream in ReadStream}
    found[ReadStream.DESCRIPTOR] = list(range(made.image.address, made.image.address + DESCRIPTOR_BYTES, beat))
    for item in schedule(config, made.image.descriptors[0]):
        if isinstance(item, Request):
            found[ReadStream(item.stream)] += [item.address + index * beat for index in range(item.beats)]
    return found


def cycles_of(config: NpeConfig, made: Plan) -> int:
    """Return the cycles of a start that ends well, with memory of some latency."""
    image = made.image
    return predict_npe(config, made.memory, image.address, len(image.descriptors), Timing(latency=9)).cycles


def beats_written(config: NpeConfig, made: Plan) -> list[list[int]]:
    """Return the addresses of the beats that the first job writes: beats of C, then beats of the reductions."""
    job = made.image.descriptors[0]
    return [
        sorted({int(address) // config.bus_bytes * config.bus_bytes for address in places.ravel()})
        for places, _ in npe_values.results(config, job, made.memory)
    ]


def memory_error(bench: Source, made: Plan, index: int) -> tuple[int, int, NpeError, int]:
    """Return a beat of the first job and the response to it, and the error and its detail that follow.

    As ``index`` grows all streams have their turn, and C and the reductions, first with SLVERR and then with DECERR.
    """
    streams = list(ReadStream)
    turn, choice = divmod(index, len(streams) + 2)
    response = (SLVERR, DECERR)[turn % 2]
    if choice < len(streams):
        address = bench.rng.choice(beats_read(bench.config, made)[streams[choice]])
        return address, response, NpeError(NpeError.READ_SLVERR + turn % 2), int(streams[choice])
    address = bench.rng.choice(beats_written(bench.config, made)[choice - len(streams)])
    return address, response, NpeError(NpeError.WRITE_SLVERR + turn % 2), 0


@cocotb.test()
async def errors_of_memory(dut) -> None:
    """SLVERR or DECERR on any beat, read or written: code and stream, a clean bus, and the next start goes well."""
    bench = NpeBench(dut)
    await bench.begin()
    for index in range(bench.job.options["programs"]):
        made = plan(bench)
        address, response, error, detail = memory_error(bench, made, index)
        await prepare(bench, made)
        bench.set_error(address, response)
        ended = await bench.run(made.image.address, 1, TIMEOUT_CYCLES)
        what = f"{made.image.descriptors[0]}, response {response} at {address:#x}"
        expect(ended, error, detail, 0, what)
        await check_memory(bench, made, 0, made.image.descriptors[0])
        await goes_on(bench, plan(bench))


@cocotb.test()
async def addresses_beyond_memory(dut) -> None:
    """A descriptor that points nowhere, in any of its addresses, ends in DECERR of that stream."""
    bench = NpeBench(dut)
    await bench.begin()
    config, end = bench.config, bench.memory_bytes
    for name in ("a", "b", "c", "scale_address", "bias_address", "residual_address", "reductions"):
        for address in (end, (1 << config.address_bits) - 4096, end - config.record_alignment):
            good = plan(bench)
            made = changed(bench, good, 0, **{name: address})
            if made.outcome.error is NpeError.NONE:
                continue  # so little is there that it fits
            await prepare(bench, made)
            ended = await bench.run(made.image.address, 1, TIMEOUT_CYCLES)
            expect(ended, made.outcome.error, made.outcome.detail, 0, f"{name} = {address:#x}")
            await check_memory(bench, made, 0, made.outcome.failed)
    # The descriptor itself.
    made = plan(bench)
    for address in (end, (1 << config.address_bits) - DESCRIPTOR_BYTES):
        await prepare(bench, made)
        ended = await bench.run(address, 1, TIMEOUT_CYCLES)
        expect(ended, NpeError.READ_DECERR, ReadStream.DESCRIPTOR, 0, f"descriptor at {address:#x}")
        await check_memory(bench, made, 0)
    await goes_on(bench, made)


def bad_fields(config: NpeConfig, good: Descriptor) -> Iterator[dict]:
    """Yield changes that an NPE must refuse; some break two rules."""
    unknown = [code for code in range(16) if code not in config.modes]
    for name in ("mode", "residual_format"):
        yield from ({name: code} for code in unknown)
    yield from ({"out_format": code} for code in unknown if code != SumFormat.FP32)
    # Exact sums: of integers, and nothing is done to them.
    plain = {"out_format": SumFormat.INT32, **dict.fromkeys(EPILOGUE, 0)}
    yield from ({**plain, "mode": mode} for mode in config.modes if mode not in INTEGER_MODES)
    for mode in set(INTEGER_MODES) & set(config.modes):
        yield from ({**plain, "mode": mode, name: 1} for name in EPILOGUE)
    yield from ({"scale": 3}, {"bias": 3}, *({"reserved": 1 << bit} for bit in (0, 4, 8)))
    for name in ("m", "n", "k"):
        yield from ({name: value} for value in (0, 1 << 16, 1 << 31))
    for word in range(10):
        yield {"unused": 1 << 35 * word}
    addresses = ("a", "b", "c", "scale_address", "bias_address", "residual_address")
    strides = ("a_stride", "b_stride", "c_stride", "residual_stride")
    for name in (*addresses, *strides):
        yield from ({name: getattr(good, name) + offset} for offset in (1, config.bus_bytes // 2))
    yield {"reductions": good.reductions + config.record_alignment // 2}
    if config.address_bits < 64:
        for name in (*addresses, "reductions"):
            yield from ({name: getattr(good, name) | 1 << bit} for bit in (config.address_bits, 63))
        yield {"a": 1 << config.address_bits | 1, "b_stride": 1}
        yield {"a": 1 << config.address_bits, "reductions": 1 << 63}
    yield {"a": 1, "k": 0}
    yield {"n": 0, "m": 0, "mode": 15}


@cocotb.test()
async def bad_descriptors(dut) -> None:
    """Every kind of bad field, in the first descriptor or after a good one: code and word; the job writes nothing."""
    bench = NpeBench(dut)
    await bench.begin()
    config, rng = bench.config, bench.rng
    good = plan(bench, 2)
    for fields in bad_fields(config, good.image.descriptors[1]):
        index = int(rng.random() < 0.3)
        made = changed(bench, good, index, **fields)
        assert made.outcome.error in (NpeError.FIELD, NpeError.ALIGNMENT, NpeError.RANGE), f"{fields}"
        await prepare(bench, made)
        ended = await bench.run(made.image.address, 2, TIMEOUT_CYCLES)
        expect(ended, made.outcome.error, made.outcome.detail, index, f"{fields}")
        await check_memory(bench, made, index)
    await goes_on(bench, good)


def bad_starts(config: NpeConfig, address: int) -> list[tuple[int, int]]:
    """Return contents of DESCRIPTOR and COUNT that an NPE must refuse, given an address that it takes."""
    starts = [(address, 0), (address, 1 << 16), (address, (1 << 32) - 1), (address + 64, 1), (address + 1, 0)]
    if config.address_bits < 64:
        starts += [(address | 1 << config.address_bits, 1), (1 << 63 | 8, 1)]
    return starts


@cocotb.test()
async def refused_starts(dut) -> None:
    """A start with a COUNT or an address that is not allowed ends at once, without a word on the bus."""
    bench = NpeBench(dut)
    await bench.begin()
    config = bench.config
    made = plan(bench)
    for address, count in bad_starts(config, made.image.address):
        outcome = npe_values.run(config, made.memory, address, count)
        await prepare(bench, made)
        ended = await bench.run(address, count, 100)
        expect(ended, outcome.error, outcome.detail, 0, f"{count} at {address:#x}")
        assert ended.counters[Register.READ_BEATS] == 0
    await goes_on(bench, made)


@cocotb.test()
async def aborts(dut) -> None:
    """An abort at any time ends the start with a clean bus, whatever is in flight; the next start is right."""
    bench = NpeBench(dut)
    await bench.begin()
    aborted = 0
    for _ in range(bench.job.options["programs"]):
        made = plan(bench, 2)
        await prepare(bench, made)
        whole = predict_npe(
            bench.config, made.memory, made.image.address, len(made.image.descriptors), Timing(latency=9)
        ).cycles
        await bench.restart()
        await bench.start(made.image.address, 2)
        await ClockCycles(dut.clk, bench.rng.randrange(1, 2 * whole))
        assert await bench.write(Register.CONTROL, 2) == OKAY
        ended = await bench.ending(TIMEOUT_CYCLES)
        if ended.error is NpeError.NONE:
            assert ended.completed == 2
        else:
            aborted += 1
            expect(ended, NpeError.ABORTED, 0, ended.completed, "abort")
            assert ended.completed < 2
        running = None if ended.completed == 2 else made.image.descriptors[ended.completed]
        await check_memory(bench, made, ended.completed, running)
        if bench.rng.random() < 0.5:
            await goes_on(bench, plan(bench))
    assert aborted > bench.job.options["programs"] // 4, f"only {aborted} of the aborts came in time"


@cocotb.test()
async def reset_in_flight(dut) -> None:
    """A reset of both sides in any cycle leaves an NPE that executes the next start right."""
    bench = NpeBench(dut)
    await bench.begin()
    for _ in range(bench.job.options["programs"]):
        made = plan(bench)
        await prepare(bench, made)
        whole = predict_npe(
            bench.config, made.memory, made.image.address, len(made.image.descriptors), Timing(latency=9)
        ).cycles
        await bench.restart()
        await bench.start(made.image.address, 1)
        await ClockCycles(dut.clk, bench.rng.randrange(1, 2 * whole))
        await bench.reset()
        for register, content in (
            (Register.STATUS, 0),
            (Register.ERROR, 0),
            (Register.COMPLETED, 0),
            (Register.IRQ_STATUS, 0),
            (Register.CYCLES, 0),
            (Register.COUNT, 1),
        ):
            assert await bench.get(register) == content, f"{register.name} after reset"
        bench.check_bus()
        await goes_on(bench, plan(bench))


@cocotb.test()
async def registers(dut) -> None:
    """Registers report, refuse and ignore what they should."""
    bench = NpeBench(dut)
    await bench.begin()
    config = bench.config
    assert await bench.get(Register.ID) == NPE_ID
    assert await bench.get(Register.GEOMETRY) == geometry(config.rows, config.columns, config.bus_bytes)
    assert await bench.get(Register.MODES) == mode_mask(config.modes)
    for address in (0x48, 0x7C, 0x80, 0xFFC):
        assert (await bench.read(address))[1] == SLVERR, f"read of {address:#x}"
        assert await bench.write(address, 1) == SLVERR, f"write to {address:#x}"
    writable = {
        Register.CONTROL, Register.IRQ_ENABLE, Register.IRQ_STATUS, Register.DESCRIPTOR_LOW, Register.DESCRIPTOR_HIGH,
        Register.COUNT,
    }  # fmt: skip
    for register in set(Register) - writable:
        before = await bench.get(register)
        assert await bench.write(register, 0x5A5A5A5A) == SLVERR, f"write to {register.name}"
        assert await bench.get(register) == before, f"{register.name} has changed"
    await bench.write(Register.DESCRIPTOR_LOW, 0x11223344)
    await bench.write(Register.DESCRIPTOR_LOW, 0xAABBCCDD, strobe=0b0101)
    assert await bench.get(Register.DESCRIPTOR_LOW) == 0x11BB33DD, "bytes without strobe stay"
    assert await bench.get(Register.CONTROL) == 0
    # Nothing runs: neither an abort nor a start without strobe does anything.
    await bench.write(Register.CONTROL, 2)
    await bench.write(Register.CONTROL, 1, strobe=0b1110)
    await ClockCycles(dut.clk, 10)
    assert await bench.get(Register.STATUS) == 0

    # While it runs: a second start is refused, and the registers of the next start can be written.
    made = plan(bench)
    await prepare(bench, made)
    bench.set_timing(Timing(latency=200))
    await bench.restart()
    await bench.start(made.image.address, 1)
    assert await bench.get(Register.STATUS) == 1
    assert await bench.write(Register.CONTROL, 1) == SLVERR, "start while busy"
    for register in (Register.DESCRIPTOR_LOW, Register.DESCRIPTOR_HIGH, Register.COUNT):
        assert await bench.write(register, 0xFFFFFFFF) == OKAY
    first = await bench.get(Register.CYCLES)
    assert await bench.get(Register.CYCLES) > first
    expect(await bench.ending(TIMEOUT_CYCLES), NpeError.NONE, 0, 1, "a start with software at the registers")
    await check_memory(bench, made, 1)

    # Without IRQ_ENABLE it ends in silence.
    await bench.write(Register.IRQ_ENABLE, 0)
    await prepare(bench, made)
    await bench.start(made.image.address, 1)
    await bench.end_in_silence(TIMEOUT_CYCLES)
    await goes_on(bench, made)
