"""Estimates against the compiler and the exact model, on random systems."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from benchmarks.estimate_error import BASE, draws
from tests.sim.estimate.random_systems import random_designs
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.mapping import Mapping
from tilewright.mapping.map import compile_chunks, map_model
from tilewright.mapping.models.config import DecoderConfig, LlamaConfig
from tilewright.mapping.models.load import load_model
from tilewright.mapping.models.workload import workload
from tilewright.mapping.report import MapResult
from tilewright.mapping.work import Work
from tilewright.sim.config import System, load_system
from tilewright.sim.energy.events import NUMBERS, Counts, total
from tilewright.sim.energy.memory import background_energy, bit_energy
from tilewright.sim.energy.published import multiply_energy
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.energy.system_area import system_area
from tilewright.sim.estimate.area import areas
from tilewright.sim.estimate.bounds import BOUNDS, MEMORY
from tilewright.sim.estimate.designs import Designs
from tilewright.sim.estimate.energy import background_pj, bit_pj, mac_pj
from tilewright.sim.estimate.estimate import Estimates, estimate
from tilewright.sim.estimate.measured import measured_error
from tilewright.sim.estimate.process_energy import process_pj
from tilewright.sim.isa.commands import Load, Loop

SMALL = LlamaConfig(
    vocab_size=2048,
    hidden_size=512,
    intermediate_size=1536,
    num_hidden_layers=3,
    num_attention_heads=8,
    num_key_value_heads=4,
    head_dim=64,
)
EDGE = load_system("edge-int4")


def one(system: System, changes: dict[str, Any], model: DecoderConfig, context: int) -> Estimates:
    """Return the estimate of a system that differs in some fields."""
    designs = Designs(system, {path: np.array([value]) for path, value in changes.items()})
    return estimate(workload(model, phase="decode", context=context), designs)


def pairs(
    seed: int, systems: int, model: DecoderConfig, contexts: tuple[int, ...]
) -> Iterator[tuple[Estimates, MapResult | None]]:
    """Yield estimates of random systems with the results of the exact model, None where the compiler refuses."""
    rng, base = np.random.default_rng(seed), load_system(BASE)
    for case, number in zip(draws(seed), range(systems), strict=False):
        context = int(rng.choice(contexts))
        # Every other system names a process, whose figures belong to more events.
        changes = {**case["fields"], **({"process": "SG13G2"} if number % 2 else {})}
        guess = one(base, changes, model, context)
        try:
            exact = map_model("random", model, base.with_(changes), phase="decode", context=context)
        except ConfigError:
            exact = None
        yield guess, exact


def loaded_again(exact: MapResult) -> int:
    """Return the bytes of loads of constants that a run of a loop has loaded before, and of their commands."""
    work = Work(model=exact.model, system=exact.system, phase="decode", context=exact.context)
    [program] = compile_chunks(work, 1, Mapping())
    config, beats, runs, seen = exact.system.accelerator, 0, 1, set[tuple[int, int]]()
    for command in program.commands:
        if isinstance(command, Loop):
            runs, seen = command.count, set()
        elif isinstance(command, Load):
            place = command.address, command.all_beats
            beats += runs * (command.all_beats + config.command_beats) * (place in seen)
            seen.add(place)
    return beats * config.bus_bytes


def check(found: list[tuple[Estimates, MapResult | None]], worst: float, median: float) -> None:
    wrong = [guess.designs.changes(0) for guess, exact in found if bool(guess.fits[0]) != (exact is not None)]
    assert len(wrong) <= len(found) / 100, wrong
    both = [(guess, exact) for guess, exact in found if exact]
    for guess, exact in both:
        assert guess.legal[0]
        missing = exact.memory_bytes - guess.dram_bytes[0]
        assert missing == (loaded_again(exact) if missing else 0), guess.designs.changes(0)
        assert missing <= 0.002 * exact.memory_bytes
        if exact.system.process:
            check_process(guess, exact)
            continue
        events = {item.name: item.events for item in exact.energy}
        assert guess.work.macs[0] == events["CIM multiply-accumulate"]
        weight_bits = exact.system.cim.tile.macro.weights.bits
        assert guess.work.weights[0] * weight_bits == events["CIM weight write"]
        moved = guess.work.activations[0] * exact.system.cim.tile.macro.input_bits + guess.work.sums[0] * 32
        assert moved == events["scratchpad and array"]
        assert guess.work.elements[0] == events["vector unit"]
    errors = np.abs([guess.cycles[0] / exact.cycles - 1 for guess, exact in both])
    print(f"{len(errors)} systems: worst {errors.max():.2%}, median {np.median(errors):.2%}")
    assert errors.max() <= worst
    assert np.median(errors) <= median


def check_process(guess: Estimates, exact: MapResult) -> None:
    """Compare area and energies of a process: with the exact cycles, nothing but rounding is left of their error."""
    assert exact.area
    assert guess.areas.area_mm2[0] == exact.area.area_mm2
    for level in ("low", "mid", "high"):
        found = process_pj(
            guess.designs, "SG13G2", level, guess.events, guess.areas, guess.dram_bytes, float(exact.cycles)
        )
        on_chip = exact.energy[2:]  # after main memory and its background
        assert found[0] * 1e-12 == pytest.approx(getattr(total(on_chip), level), rel=1e-9), guess.designs.changes(0)


def test_estimates_of_a_small_model_are_near_the_exact_model():
    check(list(pairs(7, 40, SMALL, (1, 40, 255, 700))), worst=0.06, median=0.006)


@pytest.mark.slow
def test_estimates_are_as_near_to_the_exact_model_as_was_measured():
    error = measured_error("decode")
    found = []
    for name in error.models:
        contexts = tuple(each for each in (16, 300, 1024, 4000) if each <= load_model(name).positions)
        found += pairs(11, 40, load_model(name), contexts)
    check(found, worst=2 * error.worst, median=3 * error.median)


@pytest.mark.parametrize("context", [1, 1000, 1023])
def test_a_token_of_a_preset(context):
    guess = one(EDGE, {"cim.tiles": 4}, load_model("llama-3.2-1b"), context)
    exact = map_model("llama-3.2-1b", load_model("llama-3.2-1b"), EDGE, phase="decode", context=context)
    assert guess.dram_bytes[0] == exact.memory_bytes
    assert guess.cycles[0] == pytest.approx(exact.cycles, rel=0.005)
    assert guess.tokens_per_s[0] == pytest.approx(exact.tokens_per_s, rel=0.005)
    assert guess.names[guess.binding[0]] == exact.bounds.binding == MEMORY
    assert guess.resources[MEMORY][0] >= exact.bounds.dram
    for level in ("low", "mid", "high"):
        assert guess.energy_pj[level][0] * 1e-12 == pytest.approx(getattr(exact.energy_range_j, level), rel=0.001)


def test_many_designs_have_the_estimates_of_single_ones():
    rng = np.random.default_rng(3)
    fields = {
        "cim.tiles": rng.choice([1, 2, 4, 32], 50),
        "vector.lanes": rng.choice([16, 32, 64], 50),
        "memory.latency_ns": rng.choice([50.0, 114.0], 50),
        "vector.address_bits": rng.choice([10, 14], 50),
    }
    model = load_model("gemma-3-1b")
    together = estimate(workload(model, phase="decode", context=600), Designs(EDGE, fields))
    assert together.legal.tolist() == (fields["cim.tiles"] != 32).tolist()
    for index in np.flatnonzero(together.legal):
        alone = one(EDGE, together.designs.changes(int(index)), model, 600)
        assert alone.cycles[0] == together.cycles[index]
        assert alone.dram_bytes[0] == together.dram_bytes[index]
        assert alone.energy_pj["high"][0] == together.energy_pj["high"][index]
        assert alone.fits[0] == together.fits[index]


@pytest.mark.parametrize(
    "changes",
    [
        {"memory.kind": "HBM2E"},
        {"memory.energy_pj_per_bit": 3.5},
        {"memory.background_mw": 90.0, "clock_mhz": 800},
        {"memory.devices": 7},
        {"memory.bandwidth_mb_per_s": 30_000},
    ],
)
@pytest.mark.parametrize("level", ["low", "mid", "high"])
@pytest.mark.parametrize("preset", ["edge-int4", "nano"])
def test_energies_of_memory_are_those_of_single_systems(preset, level, changes):
    base = load_system(preset)
    changes = {**changes, "clock_mhz": changes.get("clock_mhz", base.clock_mhz)}
    if preset == "nano":
        changes.pop("memory.bandwidth_mb_per_s", None)
    designs = Designs(base, {path: np.array([value]) for path, value in changes.items()})
    system = designs.system(0)
    assert np.ravel(bit_pj(designs, level))[0] == pytest.approx(getattr(bit_energy(system), level).value)
    assert np.ravel(background_pj(designs, level))[0] == pytest.approx(getattr(background_energy(system), level).value)


@pytest.mark.parametrize("level", ["low", "mid", "high"])
@pytest.mark.parametrize("bits", [4, 8])
def test_energies_of_a_published_macro_are_those_of_single_systems(level, bits):
    changes = {"energy.macro": "isscc-2021-22nm", "cim.tile.macro.weight_bits": bits}
    designs = Designs(EDGE, {path: np.array([value]) for path, value in changes.items()})
    figures = multiply_energy(designs.system(0))
    assert figures
    assert np.ravel(mac_pj(designs, level))[0] == pytest.approx(getattr(figures, level).value)


def test_areas_and_energies_of_a_process_are_those_of_single_systems():
    rng = np.random.default_rng(5)
    checked = 0
    while checked < 150:
        drawn = random_designs(rng, 40)
        if any(path in ("name", "description") for path in drawn.fields):
            continue
        designs = Designs(drawn.base.with_(process="SG13G2"), drawn.fields)
        designs = designs.part(designs.legal)
        if not len(designs):
            continue
        events = {name: rng.integers(0, 10**6, len(designs)) for name in NUMBERS}
        area = areas(designs, "SG13G2")
        args = area, events["memory_bytes"], events["cycles"]
        found = {level: process_pj(designs, "SG13G2", level, events, *args) for level in ("low", "high")}
        for index in range(min(len(designs), 8)):
            system = designs.system(index)
            exact = system_area(system)
            assert exact
            assert area.area_mm2[index] == exact.area_mm2
            items = energy(Counts(**{name: int(values[index]) for name, values in events.items()}), system)[2:]
            for level, energies in found.items():
                single = getattr(total(items), level)
                assert np.broadcast_to(energies, len(designs))[index] * 1e-12 == pytest.approx(single, rel=1e-12)
            checked += 1


def test_designs_of_no_process_have_no_area_and_of_two_no_energy():
    with pytest.raises(ConfigError, match="edge-int4: process is missing"):
        _ = one(EDGE, {"cim.tiles": 4}, SMALL, 100).areas
    two = Designs(EDGE, {"process": np.array(["SG13G2", "SKY130"])})
    guess = estimate(workload(SMALL, phase="decode", context=100), two)
    with pytest.raises(ConfigError, match=r"process = SG13G2, SKY130 is not allowed: .* in one process"):
        guess.energy_at("mid")


def test_a_long_context_and_little_scratchpad_are_marked_as_not_measured():
    token = workload(load_model("llama-3.2-1b"), phase="decode", context=1024)
    inside = Designs(EDGE, {"vector.address_bits": np.array([14, 9]), "cim.tiles": np.array([4, 4])})
    assert estimate(token, inside).measured.tolist() == [True, False]
    long = workload(load_model("llama-3.2-1b"), phase="decode", context=100_000)
    assert not estimate(long, inside).measured.any()


def test_resources_are_those_of_the_bounds():
    guess = one(EDGE, {"cim.tiles": 4}, SMALL, 100)
    assert list(guess.resources) == list(BOUNDS) == list(guess.names)


def test_a_slower_memory_takes_longer_and_binds():
    token = workload(SMALL, phase="decode", context=100)
    designs = Designs(EDGE, {"memory.bandwidth_mb_per_s": np.array([51_200, 12_800, 3_200])})
    guess = estimate(token, designs)
    assert (np.diff(guess.cycles) > 0).all()
    assert guess.names[guess.binding[2]] == MEMORY


def test_prompts_have_no_estimate():
    prompt = workload(SMALL, phase="prefill", context=64)
    with pytest.raises(ConfigError, match="phase = 'prefill' is not allowed"):
        estimate(prompt, Designs(EDGE, {"cim.tiles": np.array([4])}))


def test_soft_caps_have_no_estimate():
    capped = SMALL.replace(attn_logit_softcapping=50.0)
    with pytest.raises(ConfigError, match="no unit of the accelerator can compute a soft cap"):
        workload(capped, phase="decode", context=64)
