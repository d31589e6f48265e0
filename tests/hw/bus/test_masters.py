"""The masters of the bus: how they split requests, and their cycles."""

import random

import pytest

from tests.hw.simulate import simulate
from tilewright.cocotb_tests.axi.timing import PAGE, split
from tilewright.hw.bus.bursts import BurstSplitter
from tilewright.hw.bus.read_master import ReadMaster
from tilewright.hw.bus.write_master import WriteMaster


@pytest.mark.parametrize(
    ("data_bits", "max_burst"), [(8, 256), (64, 1), (64, 16), (128, 64), (128, 256), (512, 256), (1024, 32)]
)
def test_requests_are_split_at_pages_one_burst_a_cycle(data_bits, max_burst):
    beat = data_bits // 8
    splitter = BurstSplitter(address_bits=32, data_bits=data_bits, max_burst=max_burst)
    rng = random.Random(data_bits + max_burst)
    sizes = [
        1,
        1,
        1,
        2,
        max_burst,
        max_burst + 1,
        PAGE // beat,
        PAGE // beat + 1,
        *(rng.randrange(1, 700) for _ in range(9)),
    ]
    requests = [(rng.randrange(1 << 20) * beat, beats) for beats in sizes]
    requests += [(PAGE - beat, 2), (2 * PAGE, 1), ((1 << 32) - 5 * beat, 5), (7 * PAGE - 3 * beat, 3), (0, 65535)]
    bursts = [
        (*burst, burst == parts[-1]) for parts in (split(a, n, beat, max_burst) for a, n in requests) for burst in parts
    ]

    async def offer(ctx):
        ctx.set(splitter.requests.valid, 1)
        for address, beats in requests:
            ctx.set(splitter.requests.p, {"address": address, "beats": beats})
            await ctx.tick().until(splitter.requests.ready)
        ctx.set(splitter.requests.valid, 0)

    async def take(ctx):
        ctx.set(splitter.bursts.ready, 1)
        await ctx.tick()
        for address, beats, final in bursts[:3000]:
            assert ctx.get(splitter.bursts.valid), "a gap"
            assert ctx.get(splitter.bursts.p) == {"address": address, "length": beats - 1, "final": final}
            await ctx.tick()
        if len(bursts) <= 3000:
            assert not ctx.get(splitter.bursts.valid)
            assert not ctx.get(splitter.busy)

    simulate(splitter, offer, take)


MASTERS = [ReadMaster, WriteMaster]


@pytest.mark.parametrize("master", MASTERS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"address_bits": 11}, "address_bits = 11 is not allowed: it must be 12 to 64"),
        ({"data_bits": 96}, "data_bits = 96 is not allowed: it must be a power of two from 8 to 1024"),
        ({"outstanding": 0}, "outstanding = 0 is not allowed: it must be at least 1 burst"),
        ({"max_burst": 48}, "max_burst = 48 is not allowed: it must be a power of two from 1 to 256"),
        ({"max_burst": 512}, "max_burst = 512 is not allowed: it must be a power of two from 1 to 256"),
    ],
)
def test_what_cannot_be_is_refused(master, change, said):
    with pytest.raises(ValueError, match=said):
        master(**{"address_bits": 32, "data_bits": 64, "outstanding": 4, "max_burst": 16, **change})


def test_an_address_is_offered_every_cycle_until_the_limit_and_two_cycles_after_an_end():
    dut = ReadMaster(address_bits=32, data_bits=64, outstanding=5, max_burst=16)

    async def bench(ctx):
        ctx.set(dut.m_axi_arready, 1)
        ctx.set(dut.words.ready, 1)
        ctx.set(dut.requests.valid, 1)
        assert ctx.get(dut.idle)
        for cycle in range(12):
            ctx.set(dut.requests.p, {"address": 64 * cycle, "beats": 1})
            offered = 2 <= cycle < 2 + 5
            assert ctx.get(dut.m_axi_arvalid) == offered
            if offered:
                assert ctx.get(dut.m_axi_araddr) == 64 * (cycle - 2)
                assert ctx.get(dut.m_axi_arlen) == 0
                assert (ctx.get(dut.m_axi_arsize), ctx.get(dut.m_axi_arburst), ctx.get(dut.m_axi_arcache)) == (3, 1, 3)
            assert ctx.get(dut.requests.ready) == (cycle < 6), "one request is kept"
            assert ctx.get(dut.idle) == (cycle == 0)
            await ctx.tick()
        # An answer every cycle: from its second cycle on an address every cycle.
        ctx.set(dut.m_axi_rvalid, 1)
        ctx.set(dut.m_axi_rlast, 1)
        for cycle in range(10):
            assert ctx.get(dut.m_axi_arvalid) == (cycle >= 2)
            assert ctx.get(dut.words.p.last)
            await ctx.tick()

    simulate(dut, bench)


def test_beats_pass_in_their_cycle_and_the_last_of_a_request_is_marked():
    dut = ReadMaster(address_bits=32, data_bits=64, outstanding=2, max_burst=4)

    async def bench(ctx):
        ctx.set(dut.m_axi_arready, 1)
        ctx.set(dut.requests.valid, 1)
        ctx.set(dut.requests.p, {"address": 8 * 100, "beats": 6})
        await ctx.tick()
        ctx.set(dut.requests.valid, 0)
        await ctx.tick().repeat(3)
        for beat in range(6):
            ctx.set(dut.words.ready, 0)
            ctx.set(dut.m_axi_rvalid, 1)
            ctx.set(dut.m_axi_rdata, beat + 7)
            ctx.set(dut.m_axi_rresp, beat % 4)
            ctx.set(dut.m_axi_rlast, beat in (3, 5))
            assert not ctx.get(dut.m_axi_rready)
            await ctx.tick()
            ctx.set(dut.words.ready, 1)
            assert ctx.get(dut.m_axi_rready)
            assert ctx.get(dut.words.valid)
            assert ctx.get(dut.words.p) == {"data": beat + 7, "error": beat % 4, "last": beat == 5}
            assert not ctx.get(dut.idle)
            await ctx.tick()
        ctx.set(dut.m_axi_rvalid, 0)
        assert ctx.get(dut.idle)

    simulate(dut, bench)


def test_an_address_that_is_offered_survives_stop():
    dut = ReadMaster(address_bits=32, data_bits=64, outstanding=4, max_burst=4)

    async def bench(ctx):
        ctx.set(dut.requests.valid, 1)
        ctx.set(dut.requests.p, {"address": 256, "beats": 12})
        await ctx.tick().repeat(2)
        ctx.set(dut.stop, 1)
        for _ in range(3):
            assert ctx.get(dut.m_axi_arvalid)
            assert ctx.get(dut.m_axi_araddr) == 256
            assert ctx.get(dut.requests.ready), "requests are dropped"
            await ctx.tick()
        ctx.set(dut.m_axi_arready, 1)
        await ctx.tick()
        ctx.set(dut.words.ready, 1)
        for beat in range(4):
            assert not ctx.get(dut.m_axi_arvalid)
            assert not ctx.get(dut.idle)
            ctx.set(dut.m_axi_rvalid, 1)
            ctx.set(dut.m_axi_rlast, beat == 3)
            assert not ctx.get(dut.words.p.last), "the request was cut short"
            await ctx.tick()
        ctx.set(dut.m_axi_rvalid, 0)
        assert ctx.get(dut.idle)
        # The next request is a new one.
        ctx.set(dut.stop, 0)
        ctx.set(dut.requests.p, {"address": 1024, "beats": 1})
        await ctx.tick().repeat(2)
        assert ctx.get(dut.m_axi_arvalid)
        assert ctx.get(dut.m_axi_araddr) == 1024
        assert ctx.get(dut.m_axi_arlen) == 0

    simulate(dut, bench)


def test_words_follow_their_addresses_a_beat_a_cycle():
    dut = WriteMaster(address_bits=32, data_bits=64, outstanding=4, max_burst=2)
    beats = [2, 2, 1, 1, 1]  # of the bursts of requests of 5, 1 and 1 beats
    lasts = [beat == count - 1 for count in beats for beat in range(count)]

    async def requests(ctx):
        ctx.set(dut.requests.valid, 1)
        for address, count in ((0, 5), (512, 1), (1024, 1)):
            ctx.set(dut.requests.p, {"address": address, "beats": count})
            await ctx.tick().until(dut.requests.ready)
        ctx.set(dut.requests.valid, 0)

    async def bench(ctx):
        ctx.set(dut.m_axi_awready, 1)
        ctx.set(dut.m_axi_wready, 1)
        ctx.set(dut.words.valid, 1)
        sent = 0
        for cycle in range(12):
            ctx.set(dut.words.p, {"data": 100 + sent, "strobe": sent + 1})
            # Four bursts fit: the fifth waits for the first response, which comes in cycle 7.
            assert ctx.get(dut.m_axi_awvalid) == (2 <= cycle < 6 or cycle == 9)
            assert ctx.get(dut.words.ready) == (2 <= cycle < 8 or cycle == 9)
            beat = cycle - 3 if cycle < 9 else cycle - 4
            valid = 3 <= cycle < 9 or cycle == 10
            assert ctx.get(dut.m_axi_wvalid) == valid
            if valid:
                assert ctx.get(dut.m_axi_wdata) == 100 + beat
                assert ctx.get(dut.m_axi_wstrb) == beat + 1
                assert ctx.get(dut.m_axi_wlast) == lasts[beat]
            sent += ctx.get(dut.words.ready)
            ctx.set(dut.m_axi_bvalid, cycle == 7)
            await ctx.tick()

    simulate(dut, requests, bench)


@pytest.mark.parametrize(("master", "channel"), [(ReadMaster, "ar"), (WriteMaster, "aw")])
def test_a_burst_without_an_answer_stays_in_flight(master, channel):
    dut = master(address_bits=32, data_bits=64, outstanding=1, max_burst=16)

    async def bench(ctx):
        ctx.set(dut.requests.valid, 1)
        ctx.set(dut.requests.p, {"address": 0, "beats": 1})
        ctx.set(getattr(dut, f"m_axi_{channel}ready"), 1)
        await ctx.tick().repeat(4)
        ctx.set(dut.requests.valid, 0)
        for _ in range(5000):
            await ctx.tick()
            assert not ctx.get(dut.idle)
            assert not ctx.get(getattr(dut, f"m_axi_{channel}valid")), "one burst may be in flight"

    simulate(dut, bench)


@pytest.mark.parametrize(("master", "channel"), [(ReadMaster, "ar"), (WriteMaster, "aw")])
def test_every_burst_is_plain(master, channel):
    dut = master(address_bits=32, data_bits=128, outstanding=2, max_burst=16)
    constants = {"id": 0, "size": 4, "burst": 1, "lock": 0, "cache": 0b0011, "prot": 0, "qos": 0}
    prefix = f"m_axi_{channel}"
    signals = {name.removeprefix(prefix) for name in dut.signature.members if name.startswith(prefix)}
    assert signals == {*constants, "addr", "len", "valid", "ready"}, "there is no region and no user signal"

    async def bench(ctx):
        ctx.set(dut.requests.valid, 1)
        ctx.set(dut.requests.p, {"address": 4096 - 32, "beats": 20})
        await ctx.tick().repeat(2)
        assert ctx.get(getattr(dut, f"m_axi_{channel}valid"))
        assert {name: ctx.get(getattr(dut, f"m_axi_{channel}{name}")) for name in constants} == constants

    simulate(dut, bench)


def test_words_follow_the_offer_of_their_address_and_do_not_wait_until_it_is_accepted():
    dut = WriteMaster(address_bits=32, data_bits=64, outstanding=2, max_burst=4)

    async def bench(ctx):
        ctx.set(dut.requests.valid, 1)
        ctx.set(dut.requests.p, {"address": 64, "beats": 3})
        ctx.set(dut.words.valid, 1)
        ctx.set(dut.m_axi_wready, 1)
        offered = []
        for _ in range(8):
            offered.append((ctx.get(dut.m_axi_awvalid), ctx.get(dut.m_axi_wvalid), ctx.get(dut.m_axi_wlast)))
            await ctx.tick()
            ctx.set(dut.requests.valid, 0)
        # All three beats are accepted, and then the address.
        assert offered == [(0, 0, 0), (0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1), (1, 0, 1)]
        ctx.set(dut.m_axi_awready, 1)
        await ctx.tick()
        assert not ctx.get(dut.m_axi_awvalid)
        ctx.set(dut.m_axi_bvalid, 1)
        assert ctx.get(dut.done)
        await ctx.tick()
        assert ctx.get(dut.idle)

    simulate(dut, bench)


def test_a_request_is_done_with_its_worst_response():
    dut = WriteMaster(address_bits=32, data_bits=64, outstanding=8, max_burst=1)
    responses = [[0, 2, 0], [0, 0], [3, 2], [0], [2]]

    async def bench(ctx):
        ctx.set(dut.m_axi_awready, 1)
        ctx.set(dut.m_axi_wready, 1)
        ctx.set(dut.words.valid, 1)
        for answers in responses:
            ctx.set(dut.requests.valid, 1)
            ctx.set(dut.requests.p, {"address": 64, "beats": len(answers)})
            await ctx.tick()
            ctx.set(dut.requests.valid, 0)
            await ctx.tick().repeat(6)
            for index, answer in enumerate(answers):
                assert not ctx.get(dut.done)
                ctx.set(dut.m_axi_bvalid, 1)
                ctx.set(dut.m_axi_bresp, answer)
                assert ctx.get(dut.m_axi_bready)
                assert ctx.get(dut.error) == max(answers[: index + 1])
                assert ctx.get(dut.done) == (index == len(answers) - 1)
                await ctx.tick()
                ctx.set(dut.m_axi_bvalid, 0)
                await ctx.tick()
            assert ctx.get(dut.idle)

    simulate(dut, bench)


def test_announced_bursts_are_completed_without_strobes_on_stop():
    dut = WriteMaster(address_bits=32, data_bits=64, outstanding=2, max_burst=4)

    async def bench(ctx):
        ctx.set(dut.requests.valid, 1)
        ctx.set(dut.requests.p, {"address": 0, "beats": 40})
        ctx.set(dut.words.p, {"data": 1, "strobe": 0xFF})
        ctx.set(dut.words.valid, 1)
        ctx.set(dut.m_axi_awready, 1)
        await ctx.tick().repeat(4)
        ctx.set(dut.stop, 1)  # two bursts are announced, one beat is offered and not accepted
        assert ctx.get(dut.m_axi_wvalid)
        strobes, lasts = [], []
        ctx.set(dut.m_axi_wready, 1)
        for cycle in range(12):
            assert ctx.get(dut.words.ready), "words are dropped"
            ctx.set(dut.words.valid, cycle % 3 == 0)
            assert not ctx.get(dut.m_axi_awvalid)
            assert not ctx.get(dut.idle)
            if ctx.get(dut.m_axi_wvalid):
                strobes.append(ctx.get(dut.m_axi_wstrb))
                lasts.append(ctx.get(dut.m_axi_wlast))
            await ctx.tick()
        assert strobes == [0xFF] + 7 * [0]
        assert lasts == [0, 0, 0, 1, 0, 0, 0, 1]
        ctx.set(dut.m_axi_bvalid, 1)
        ctx.set(dut.m_axi_bresp, 2)
        for _ in range(2):
            assert not ctx.get(dut.done)
            await ctx.tick()
        ctx.set(dut.m_axi_bvalid, 0)
        assert ctx.get(dut.idle)
        await ctx.tick()
        # What went wrong is not the next request's.
        ctx.set(dut.stop, 0)
        ctx.set(dut.requests.p, {"address": 0, "beats": 1})
        await ctx.tick()
        ctx.set(dut.requests.valid, 0)
        ctx.set(dut.words.valid, 1)
        await ctx.tick().repeat(3)
        ctx.set(dut.m_axi_bvalid, 1)
        ctx.set(dut.m_axi_bresp, 0)
        assert ctx.get(dut.done)
        assert ctx.get(dut.error) == 0

    simulate(dut, bench)
