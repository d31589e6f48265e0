"""Hosts: presets, clock domains, and what is refused."""

import pytest
from pydantic import ValidationError

from tilewright.base.errors import ConfigError
from tilewright.sim.config import HostConfig, host_names, load_host
from tilewright.sim.config.host import HOST_PRESETS
from tilewright.sim.config.host_clocks import DOMAINS, HostClocks, domain_clocks
from tilewright.sim.config.host_memory import MEMORIES
from tilewright.sim.config.sources import find_source, leaves


@pytest.mark.parametrize("name", host_names())
def test_every_number_of_a_preset_has_a_source(name):
    host = load_host(name)
    assert host.name == name
    for path, value in leaves(host):
        if not isinstance(value, str):
            assert find_source(host.sources, path), f"{path} = {value}"


def test_the_presets():
    assert host_names() == ["baseline", "cryogenic", "superconducting"]
    cryogenic, superconducting = load_host("cryogenic"), load_host("superconducting")
    assert cryogenic.clocks == domain_clocks("all-cryo", 100)
    assert superconducting.clocks == domain_clocks("super-core-l1-l2-l3", 100)
    # They differ in clocks alone: latencies are cycles.
    same = {"name", "description", "clocks", "sources"}
    assert cryogenic.model_dump(exclude=same) == superconducting.model_dump(exclude=same)


def test_facts_of_the_cryogenic_host():
    host = load_host("cryogenic")
    assert [cache.hit_cycles for cache in (host.l1i, host.l1d, host.l2, host.l3)] == [2, 2, 10, 21]
    assert (host.crossbar.round_trip_cycles, host.crossbar.line_cycles) == (4, 2)
    assert (host.bus.round_trip_cycles, host.bus.line_cycles) == (11, 1)
    assert HostConfig.model_validate(host.model_dump(mode="json")) == host
    assert {cache.prefetcher for cache in (host.l1i, host.l1d, host.l2, host.l3)} == {"stride"}
    assert host.memory == MEMORIES["ddr3-1600"]
    assert hash(host.clocks) == hash(HostClocks())


def test_a_preset_with_another_memory():
    host = load_host("cryogenic+lpddr3-1600")
    assert (host.name, host.memory.burst_bytes) == ("cryogenic+lpddr3-1600", 32)
    assert host.machine == {**load_host("cryogenic").machine, "memory": MEMORIES["lpddr3-1600"].model_dump()}
    with pytest.raises(ConfigError, match=r"^unknown memory 'ddr9'.*lpddr3-1600"):
        load_host("cryogenic+ddr9")
    with pytest.raises(ConfigError, match="cryogenc"):
        load_host("cryogenc+lpddr3-1600")


@pytest.mark.parametrize(
    ("domains", "clocks"),
    [
        ("baseline", (4, 4, 4, 4, 1)),
        ("all-cryo", (4, 4, 4, 4, 1)),
        ("super-core", (50, 4, 4, 4, 1)),
        ("super-core-l1", (50, 50, 4, 4, 1)),
        ("super-core-l1-l2", (50, 50, 50, 4, 1)),
        ("super-core-l1-l2-l3", (50, 50, 50, 50, 1)),
        ("super-everything", (50, 50, 50, 50, 50)),
    ],
)
def test_clock_domains(domains, clocks):
    assert tuple(domain_clocks(domains, 50).model_dump().values()) == clocks
    assert domains in DOMAINS


def test_unknown_clock_domains():
    with pytest.raises(ConfigError, match=r"unknown clock domains 'super-cor' \(did you mean 'super-core'\?"):
        domain_clocks("super-cor", 10)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1001, "fast"])
def test_a_frequency_that_is_not_allowed(value):
    with pytest.raises(ValidationError, match="core_ghz"):
        HostClocks(core_ghz=value)
    with pytest.raises(ValidationError):
        domain_clocks("super-core", value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("core_ghz = 4", "core_ghz = 0", "{file}:8: clocks.core_ghz = 0 is not allowed: input should be greater than 0"),
        ("core_ghz = 4", "core_ghz = nan", "{file}:8: clocks.core_ghz = nan is not allowed: input should be"),
        ('core = "o3"', 'core = "o4"', "{file}:4: core = 'o4' is not allowed: input should be 'o3' or 'minor'"),
        ("size_kib = 512", "size_kib = 500", "{file}:35: l2.size_kib = 500 is not allowed: with 8 ways"),
        ("l1_ghz", "l1_mhz", "{file}:9: unknown key 'clocks.l1_mhz'"),
        ('"bus.*"', '"buss.*"', "sources = 'buss.*' is not a field of the host"),
        ("DDR3_1600_8x8", "DDR9", "memory.kind = 'DDR9' is not allowed: input should be 'DDR3_1600_8x8' or 'LPDDR3_1600_1x32'"),
    ],
)  # fmt: skip
def test_a_bad_description_is_refused_in_one_line(tmp_path, old, new, message):
    text = (HOST_PRESETS / "cryogenic.toml").read_text()
    assert old in text
    file = tmp_path / "host.toml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        load_host(file)
    assert message.format(file=file) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_host_that_is_not_there():
    with pytest.raises(ConfigError, match=r"unknown host 'cryogen' \(did you mean 'cryogenic'"):
        load_host("cryogen")
