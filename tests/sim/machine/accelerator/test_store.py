"""Stores whose equal bursts and beats are counted end as if each had been computed."""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pytest

from tests.sim.machine.accelerator.random_systems import random_system
from tilewright.bench.random_programs import random_timing, with_refresh
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Store
from tilewright.sim.machine.accelerator.store import StoreModel
from tilewright.sim.machine.bus.axi_master import WriteMasterModel
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

SEED = 20261130
CASES = 60
STORES = 3


def random_store(config: AcceleratorConfig, rng: np.random.Generator) -> Store:
    """Return a store of many rows, or of a long one."""
    packed = bool(rng.integers(4) == 0)
    size = 0 if packed else int(rng.integers(config.bus_bytes.bit_length()))
    unit = config.bus_bytes if rng.random() < 0.7 else 1 << size
    rows, count = (int(rng.integers(1, 150)), int(rng.integers(1, 20)))
    if rng.random() < 0.4:
        rows, count = int(rng.integers(1, 4)), int(rng.integers(300, 3000))
    return Store(
        size=size, packed=packed, address=int(rng.integers(1 << 12)) * unit, count=count, rows=rows,
        stride=int(rng.integers(1, 200)) * unit, planes=int(rng.integers(1, 4)), plane_stride=int(rng.integers(1, 3000)) * unit,
        source=0, element_pitch=1 << size,
    )  # fmt: skip


def differing(seeds: range) -> Iterator[int]:
    """Yield the seeds of random stores, one after the other, that end otherwise than with all bursts computed."""
    for seed in seeds:
        ends = []
        for every_burst in (True, False):
            rng = np.random.default_rng([SEED, seed])
            config, timing = random_system(rng), random_timing(rng)
            if seed % 4 == 0:
                timing = with_refresh(timing, rng)
            stores, now = StoreModel(config, AxiMemoryModel(**asdict(timing))), 0
            for _ in range(STORES):
                command = random_store(config, rng)
                now, failed = stores.run(command, command.address, now, lambda *_: None, every_burst=every_burst)
                assert failed is None
                ends.append((now, stores.beats))
                now += int(rng.integers(1, 40))
        if ends[:STORES] != ends[STORES:]:
            yield seed


def test_random_stores_end_in_the_same_cycles():
    assert list(differing(range(CASES))) == []


def test_most_words_are_counted(monkeypatch):
    words = 0
    word = WriteMasterModel.word

    def counted(self: WriteMasterModel, offered: int) -> None:
        nonlocal words
        words += 1
        word(self, offered)

    monkeypatch.setattr(WriteMasterModel, "word", counted)
    config = random_system(np.random.default_rng(SEED))
    stores = StoreModel(config, AxiMemoryModel(latency=50, write_latency=50))
    command = Store(size=2, address=0, count=4000, rows=1, source=0, element_pitch=4)
    stores.run(command, 0, 0, lambda *_: None, every_burst=False)
    assert words < stores.beats / 4 == 4000 * 4 / config.bus_bytes / 4


FAULTS = {
    "elements and beats are not looked at": (StoreModel, "_beats", lambda *_: ()),
    "bursts in flight are not looked at": (WriteMasterModel, "state", lambda *_: ()),
    "words in front of memory are not looked at": (WriteMasterModel, "word_state", lambda *_: ()),
    "memory is not looked at": (AxiMemoryModel, "write_state", lambda *_: ()),
    "nothing is later": (StoreModel, "_shift", lambda *_: None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_detected(fault, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault])
    assert next(differing(range(CASES)), None) is not None
