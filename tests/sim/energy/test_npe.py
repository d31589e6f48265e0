"""Energy of the NPE's multiply-accumulates: each job at the figure of its format, none without a figure."""

from pathlib import Path

import pytest

from tests.mapping.small_models import THIN
from tilewright.base.errors import ConfigError
from tilewright.mapping.map import map_model
from tilewright.sim.config import load_system
from tilewright.sim.config.engine_rule import parse_rule
from tilewright.sim.config.mac_energies import MacEnergies, mac_energies
from tilewright.sim.energy.events import Counts, total
from tilewright.sim.energy.npe import count_job, npe_energy
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.formats.simd import ALL_MODES, Mode
from tilewright.sim.isa.descriptor import Descriptor

BOTH = load_system(Path(__file__).parents[3] / "examples" / "systems" / "edge-both.toml")
CUT = BOTH.with_(process="SG13G2")
NPE = "NPE multiply-accumulate"


def job(mode: Mode, m: int = 2, n: int = 3, k: int = 5) -> Descriptor:
    return Descriptor(mode=mode, out_format=mode, m=m, n=n, k=k, a=0, a_stride=0, b=0, b_stride=0, c=0, c_stride=0)


def counts(*jobs: Descriptor) -> Counts:
    found = Counts()
    for each in jobs:
        count_job(each, 1, found)
    return found


def test_jobs_are_counted_by_their_formats():
    found = counts(job(Mode.INT8), job(Mode.BF16, k=7), job(Mode.INT8, m=1))
    assert found.npe_macs == {"int8": 45, "bf16": 42}
    count_job(job(Mode.BF16), 10, found)
    twice = Counts()
    twice.add(found)
    twice.add(found)
    assert twice.npe_macs == {"int8": 90, "bf16": 2 * 342}
    assert found.npe_macs == {"int8": 45, "bf16": 342}


@pytest.mark.parametrize("mode", ALL_MODES)
def test_a_system_states_an_energy_for_each_width(mode):
    figure = getattr(BOTH.energy, f"npe_mac_{mode.bits}_bits_pj")
    assert total(npe_energy(counts(job(mode)), BOTH)).mid == pytest.approx(30 * figure * 1e-12)
    sources = {item.name: item.source for item in npe_energy(Counts(), BOTH)}
    assert "Horowitz" in sources[f"{NPE}, {mode.bits} bits"]


def test_a_width_without_a_figure_is_not_counted():
    silent = BOTH.with_(**{"energy.npe_mac_8_bits_pj": None})
    assert total(npe_energy(counts(job(Mode.INT8)), silent)).mid == 0
    assert f"{NPE}, 8 bits" not in {item.name for item in npe_energy(Counts(), silent)}


@pytest.mark.parametrize("mode", ALL_MODES)
def test_a_process_has_an_energy_for_each_format(mode):
    [item] = npe_energy(counts(job(mode)), CUT)
    assert item.name == f"{NPE}, {mode.label}"
    assert item.joules == pytest.approx(30 * mac_energies("SG13G2").of(mode) * 1e-12)
    assert "docs/work-energy.md" in item.source


def test_fewer_bits_take_less_energy_in_a_process():
    energies = mac_energies("SG13G2")
    widths = [[energies.of(mode) for mode in ALL_MODES if mode.bits == bits] for bits in (4, 8, 16)]
    assert max(widths[0]) < min(widths[1])
    assert max(widths[1]) < min(widths[2])


def test_energies_must_be_those_of_all_formats():
    with pytest.raises(ValueError, match="must have one energy for each of fp4_e2m1, posit4_1"):
        MacEnergies(source="here", pj={"int8": 1.0})
    with pytest.raises(ConfigError, match="ASAP7"):
        mac_energies("ASAP7")


def test_products_on_the_npe_have_their_energy_in_a_map():
    result = map_model("x", THIN, BOTH, phase="decode", context=24, engines=[parse_rule("mlp.*=npe:fp4_e2m1")])
    macs = {item.name: item.events for item in result.energy if item.name.startswith(NPE)}

    def of(part: str) -> int:
        return sum(each.macs for each in result.graph if each.k and f".{part}" in each.name)

    assert macs[f"{NPE}, 16 bits"] == of("self_attn.scores") + of("self_attn.weighted_sum")
    assert macs[f"{NPE}, 8 bits"] == 0
    # Inputs become FP4 by jobs that multiply a zero for each of their elements.
    assert 1 <= macs[f"{NPE}, 4 bits"] / of("mlp.") < 1.001
    by_row = sum(step["energy_j"] for step in result.to_dict()["steps"])
    assert by_row == pytest.approx(total(result.energy).mid)


def test_without_an_npe_nothing_is_said_of_it():
    assert not [item for item in energy(Counts(), load_system("edge-int4")) if "NPE" in item.name]
