import pytest

from tests.hw.simulate import simulate
from tilewright.hw.cim.command import ARRAY_COMMAND_LAYOUT, CommandDispatch
from tilewright.sim.config import MacroConfig, TileConfig
from tilewright.sim.isa.cim_command import CommandError

CONFIG = TileConfig(
    macro=MacroConfig(rows=16, columns=16, weight_bits=4, input_bits=8), command_queue_depth=3, accumulator_vectors=5
)
GOOD = {"load": 1, "release": 1, "emit": 1, "rows": 16, "columns": 16, "vectors": 1}


def offer(ctx, dispatch, fields: dict) -> None:
    payload = dispatch.commands.p
    for name in payload.shape().members:
        ctx.set(payload[name], fields.get(name, 0))
    ctx.set(dispatch.commands.valid, 1)


def test_units_see_a_command_after_the_latency_and_one_is_taken_a_cycle():
    dispatch = CommandDispatch(config=CONFIG)

    async def bench(ctx):
        for port in (dispatch.loads, dispatch.fetches, dispatch.computes):
            ctx.set(port.ready, 1)
        for vectors in range(1, 20):
            offer(ctx, dispatch, {**GOOD, "vectors": vectors})
            assert ctx.get(dispatch.commands.ready)
            # One behind another: what was taken LATENCY cycles ago is there now.
            seen = vectors - dispatch.LATENCY
            assert ctx.get(dispatch.computes.valid) == (seen > 0)
            if seen > 0:
                assert ctx.get(dispatch.computes.p.vectors) == seen
                assert ctx.get(dispatch.fetches.p.vectors) == seen
                assert ctx.get(dispatch.loads.p.rows) == 16
            await ctx.tick()

    simulate(dispatch, bench)


def test_a_full_queue_stops_commands_and_only_those_that_need_it():
    dispatch = CommandDispatch(config=CONFIG)

    async def bench(ctx):
        ctx.set(dispatch.fetches.ready, 1)
        ctx.set(dispatch.computes.ready, 1)
        for index in range(CONFIG.command_queue_depth):
            offer(ctx, dispatch, GOOD if index < 2 else {**GOOD, "release": 0})
            assert ctx.get(dispatch.commands.ready)
            await ctx.tick()
        offer(ctx, dispatch, {**GOOD, "load": 0})
        assert ctx.get(dispatch.commands.ready), "this one loads nothing"
        await ctx.tick()
        offer(ctx, dispatch, GOOD)
        assert not ctx.get(dispatch.commands.ready)
        ctx.set(dispatch.loads.ready, 1)
        await ctx.tick()
        assert ctx.get(dispatch.commands.ready)

    simulate(dispatch, bench)


@pytest.mark.parametrize(
    ("fields", "rows"), [({"rows": 0, "reduce": 1}, 4096), ({"rows": 4095, "reduce": 1}, 4095), ({"rows": 0}, None)]
)
def test_no_rows_stand_for_4096(fields, rows):
    dispatch = CommandDispatch(config=CONFIG, tiles=256, layout=ARRAY_COMMAND_LAYOUT)

    async def bench(ctx):
        offer(ctx, dispatch, {**GOOD, **fields})
        assert ctx.get(dispatch.commands.ready) == (rows is not None)
        await ctx.tick()
        assert ctx.get(dispatch.error) == (CommandError.NONE if rows else CommandError.ROWS)
        if rows:
            assert ctx.get(dispatch.loads.p.rows) == ctx.get(dispatch.fetches.p.rows) == rows

    simulate(dispatch, bench)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({}, CommandError.NONE),
        ({"rows": 0}, CommandError.ROWS),
        ({"rows": 17}, CommandError.ROWS),
        ({"columns": 0}, CommandError.COLUMNS),
        ({"columns": 17}, CommandError.COLUMNS),
        ({"vectors": 0}, CommandError.VECTORS),
        ({"vectors": 6, "slot": 0}, CommandError.NONE),  # neither kept nor read: needs no accumulators
        ({"vectors": 5, "emit": 0}, CommandError.NONE),
        ({"vectors": 6, "emit": 0}, CommandError.SLOT),
        ({"vectors": 1, "slot": 5, "accumulate": 1}, CommandError.SLOT),
        ({"vectors": 65535, "slot": 65535, "accumulate": 1}, CommandError.SLOT),
        ({"load": 0}, CommandError.BANK),
    ],
)
def test_a_bad_command_is_not_taken_and_named(change, error):
    dispatch = CommandDispatch(config=CONFIG)

    async def bench(ctx):
        offer(ctx, dispatch, {**GOOD, **change})
        assert ctx.get(dispatch.commands.ready) == (error is CommandError.NONE)
        await ctx.tick()
        assert ctx.get(dispatch.error) == error
        offer(ctx, dispatch, GOOD)
        assert ctx.get(dispatch.commands.ready) == (error is CommandError.NONE), "stopped until reset"

    simulate(dispatch, bench)
