"""The comparison with other mappers: our products, and how processes are measured; the peers themselves are not run."""

import re
import sys

import pytest

from benchmarks.mappers.compare import PAGE, PEERS, measured, row
from benchmarks.mappers.products import LAYER, ZIGZAG, product_cycles


@pytest.mark.parametrize("m", ZIGZAG)
def test_products_of_a_layer_take_no_longer_than_the_mapping_that_zigzag_found(m):
    cycles = product_cycles(m)
    assert sum(n * k for n, k in LAYER) // 8 < cycles < ZIGZAG[m]
    assert f"| {m} | {cycles:,} | {ZIGZAG[m]:,} |" in PAGE.read_text()


def test_the_page_has_a_row_for_each_peer_with_what_the_exact_model_finds_now():
    for peer in PEERS[1:]:
        work = peer.work
        [line] = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| {peer.name} |")]
        assert f"{product_cycles(work['m'], [(work['n'], work['k'])]):,} cycles" in line


def test_a_process_is_measured_with_its_children_apart():
    code = "import json; x = bytearray(50 << 20); print('more'); print(json.dumps({'cycles': 1234}))"
    found = measured([sys.executable, "-I", "-c", code])
    assert found.found == "1,234 cycles"
    assert found.peak_mb > 50
    assert 0 < found.cpu_seconds < 20
    assert re.search(r"1\.00 \| \d+ \| \d+ \| 1\.00$", " | ".join(row(PEERS[0], found, found)))
    with pytest.raises(RuntimeError, match="status 3"):
        measured([sys.executable, "-I", "-c", "raise SystemExit(3)"])
