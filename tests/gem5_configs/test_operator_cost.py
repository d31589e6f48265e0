"""Cost of operators on the host: from measured rows, from predictions, and what is refused."""

import re
from math import prod

import pytest

from tests.gem5_configs.kernel_runs import ROWS, row
from tilewright.base.errors import ConfigError
from tilewright.gem5_configs.core_model import predict
from tilewright.gem5_configs.operator_cost import KERNEL_ELEMENTS, operator_cost
from tilewright.gem5_configs.runs import PUBLISHED
from tilewright.sim.config.host import load_host
from tilewright.sim.config.host_clocks import domain_clocks

SOURCES = PUBLISHED.parents[1] / "workloads"
CRYOGENIC = load_host("cryogenic")


@pytest.mark.parametrize("kernel", KERNEL_ELEMENTS)
def test_elements_are_those_of_the_programs(kernel):
    text = (SOURCES / f"{kernel}.c").read_text()
    tables = dict(re.findall(r"(\w+)\[SIZES\] = \{([\d, ]+)\}", text))
    sizes = [list(map(int, numbers.split(","))) for name, numbers in tables.items() if name != "repeats"]
    assert list(KERNEL_ELEMENTS[kernel].values()) == [prod(parts) for parts in zip(*sizes, strict=True)]


def test_cost_is_that_of_the_kernel_alone():
    cost = operator_cost(ROWS, CRYOGENIC, "sampling", 128256)
    assert cost.seconds == pytest.approx(3e-3 / 8)
    assert (cost.predicted, cost.workload) == (False, "sampling-l3")


def test_without_runs_at_its_clocks_the_cost_is_predicted():
    host = CRYOGENIC.replace(clocks=domain_clocks("super-core", 100))
    cost = operator_cost(ROWS, host, "sampling", 128256)
    times = [predict(run, host.clocks).seconds for run in ROWS]
    assert cost.predicted
    assert cost.seconds == pytest.approx((times[1] - times[0]) / 3 / 8)
    assert cost.seconds < 3e-3 / 8
    fast = {"core_ghz": 100.0}
    measured = [row("sampling-l3-x1", 3e-3, **fast), row("sampling-l3-x2", 4e-3, **fast)]
    chosen = operator_cost([*ROWS, *measured], host, "sampling", 128256)
    assert (chosen.predicted, chosen.seconds) == (False, pytest.approx(1e-3 / 8))


def test_the_nearest_size_is_taken():
    rows = [*ROWS, row("sampling-l1-x10", 1e-3), row("sampling-l1-x20", 2e-3)]
    assert operator_cost(rows, CRYOGENIC, "sampling", 5000).workload == "sampling-l1"
    assert operator_cost(rows, CRYOGENIC, "sampling", 500000).workload == "sampling-l3"


def test_runs_of_another_machine_do_not_count():
    baseline, superconducting = load_host("baseline"), load_host("superconducting")
    slow = [run.replace(host="baseline", sim_seconds=2 * run.sim_seconds) for run in ROWS]
    for rows in ([*ROWS, *slow], [*slow, *ROWS]):
        assert operator_cost(rows, CRYOGENIC, "sampling", 128256).seconds == pytest.approx(3e-3 / 8)
        assert operator_cost(rows, baseline, "sampling", 128256).seconds == pytest.approx(6e-3 / 8)
        # The cryogenic host at another clock.
        predicted = operator_cost(rows, superconducting, "sampling", 128256)
        assert predicted == operator_cost(ROWS, superconducting, "sampling", 128256)
    for host, rows in ((CRYOGENIC, slow), (baseline, ROWS), (superconducting, slow)):
        with pytest.raises(ConfigError, match=f"on host '{host.name}'.* --host {host.name} --workload sampling"):
            operator_cost(rows, host, "sampling", 128256)


def test_runs_that_do_not_name_their_host_are_taken_on_trust():
    own = CRYOGENIC.replace(name="own", l3=CRYOGENIC.l3.replace(size_kib=4096))
    for host, name in ((own, ""), (own, "own"), (CRYOGENIC, "")):
        rows = [run.replace(host=name) for run in ROWS]
        assert operator_cost(rows, host, "sampling", 128256).seconds == pytest.approx(3e-3 / 8)
    for rows in ([], [run.replace(host="cryogenic") for run in ROWS]):
        with pytest.raises(ConfigError, match=r"on host 'own'.* --host FILE --workload sampling"):
            operator_cost(rows, own, "sampling", 128256)


def test_the_memory_is_part_of_the_machine():
    rows = [run.replace(host="cryogenic+lpddr3-1600", sim_seconds=3 * run.sim_seconds) for run in ROWS]
    lpddr3 = load_host("cryogenic+lpddr3-1600")
    assert operator_cost([*rows, *ROWS], CRYOGENIC, "sampling", 128256).seconds == pytest.approx(3e-3 / 8)
    assert operator_cost(rows, lpddr3, "sampling", 128256).seconds == pytest.approx(9e-3 / 8)
    with pytest.raises(ConfigError, match="no two runs"):
        operator_cost(rows, CRYOGENIC, "sampling", 128256)


def test_the_same_run_twice_is_one_run_and_two_that_differ_are_none():
    again = [run.replace(domains="mine") for run in ROWS]
    assert operator_cost([*ROWS, *again], CRYOGENIC, "sampling", 128256).seconds == pytest.approx(3e-3 / 8)
    other = [*ROWS, ROWS[0].replace(sim_seconds=6e-3)]
    with pytest.raises(ConfigError, match=r"^two runs of 'sampling-l3-x1' that may be of host 'cryogenic' differ$"):
        operator_cost(other, CRYOGENIC, "sampling", 128256)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no two runs of kernel 'sampling' on host 'cryogenic', core 'o3'"),
        (ROWS[:1], "no two runs of kernel"),
        ([row("sampling-l3-x1", 5e-3), row("sampling-l2-x2", 6e-3)], "no two runs of kernel"),
        ([run.replace(core="minor") for run in ROWS], "tilewright cpu run --host cryogenic --workload sampling --size l2 --repeat 1"),
        ([row("sampling-l3-x1", 5e-3), row("sampling-l3-x2", 5e-3)], "sampling-l3: 2 repetitions take no longer than 1"),
    ],
)  # fmt: skip
def test_rows_that_do_not_tell_are_refused(rows, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        operator_cost(rows, CRYOGENIC, "sampling", 128256)
    assert "\n" not in str(error.value)
