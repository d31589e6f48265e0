"""Places in banks and slots: nothing that is needed at the same time lies on top of another."""

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.allocation import First, Slots, Tensor, place_slots, place_tensors
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.sim.isa.units import Unit

CONFIG = accelerator(address_bits=8)
WORD, BANK = CONFIG.word_bytes, CONFIG.bank_bytes


def tensor(first: int, last: int, words: int, uses: tuple = ()) -> Tensor:
    return Tensor("x", words, 16, 4, WORD, first=first, last=last, uses=list(uses))


@pytest.mark.parametrize("choice", First)
@pytest.mark.parametrize("slack", [0, 3])
def test_tensors_share_no_byte_at_the_same_time(slack, choice):
    rng = np.random.default_rng(1)
    tensors = [
        tensor(int(first), int(first + length), int(words))
        for first, length, words in zip(
            rng.integers(0, 60, 150), rng.integers(0, 8, 150), rng.integers(1, 20, 150), strict=True
        )
    ]
    for one, other in zip(tensors[::3], tensors[1::3], strict=False):
        one.apart, other.apart = {other}, {one}
    place_tensors(CONFIG, tensors, slack, choice)
    for index, one in enumerate(tensors):
        assert one.address % WORD == 0
        assert CONFIG.bank(one.address) == CONFIG.bank(one.address + one.bytes - 1)
        for other in tensors[:index]:
            if one.first <= other.last + slack and other.first <= one.last + slack:
                assert one.address + one.bytes <= other.address or other.address + other.bytes <= one.address
        assert all(CONFIG.bank(one.address) != CONFIG.bank(other.address) for other in one.apart)


def test_a_full_bank_is_named():
    with pytest.raises(
        ConfigError,
        match=r"x: 64 bytes find no room in the scratchpad: operations 0 to 1 leave 0 in one of its 8 banks of 4096",
    ):
        place_tensors(CONFIG, [tensor(0, 1, BANK // WORD) for _ in range(8)] + [tensor(0, 1, 1)], 0)
    # One after the other they find room.
    place_tensors(CONFIG, [tensor(n, n, BANK // WORD) for n in range(9) for _ in range(8)], 0)


def test_units_at_work_at_the_same_time_get_banks_of_their_own():
    product = tensor(0, 5, 2, ((0, 10_000, Unit.ARRAY, False),))
    stored = tensor(2, 3, 1, ((4000, 5000, Unit.STORE, False),))
    others = [tensor(0, 5, 1, ((0, 10_000, Unit.VECTOR, False),)) for _ in range(6)]
    place_tensors(CONFIG, [product, stored, *others], 0)
    banks = [CONFIG.bank(each.address) for each in (product, stored)]
    assert banks[0] != banks[1]
    assert not {banks[1]} & {CONFIG.bank(each.address) for each in others}


def test_what_a_long_operation_reads_gets_a_bank_before_larger_tensors():
    product = tensor(0, 5, 1, ((0, 10_000, Unit.ARRAY, False),))
    larger = [tensor(0, 5, 2, ((n, n + 1, Unit.VECTOR, False),)) for n in range(CONFIG.banks)]
    place_tensors(CONFIG, [*larger, product], 0, First.LONGEST)
    assert CONFIG.bank(product.address) not in {CONFIG.bank(each.address) for each in larger}
    place_tensors(CONFIG, [*larger, product], 0, First.LARGEST)
    assert CONFIG.bank(product.address) in {CONFIG.bank(each.address) for each in larger}


def test_the_bank_whose_port_is_shared_for_the_shortest_time_is_taken():
    banks = [tensor(0, 5, 3, ((0, 10_000, Unit.VECTOR, False),)) for _ in range(CONFIG.banks - 1)]
    late = tensor(0, 5, 3, ((9_000, 10_000, Unit.VECTOR, False),))
    product = tensor(0, 5, 2, ((0, 10_000, Unit.ARRAY, False),))
    place_tensors(CONFIG, [*banks, late, product], 0)
    assert len({CONFIG.bank(each.address) for each in (*banks, late)}) == CONFIG.banks
    assert CONFIG.bank(product.address) == CONFIG.bank(late.address)


def test_slots_are_shared_one_after_the_other():
    groups = [Slots("a", 6, 0, 3), Slots("b", 6, 1, 2), Slots("c", 6, 3, 5), Slots("d", 4, 4, 4)]
    place_slots(16, groups)
    assert [group.slot for group in groups] == [0, 6, 6, 0]
    with pytest.raises(ConfigError, match="c: 6 row scalars find no room among 16"):
        place_slots(16, [Slots("a", 6, 0, 3), Slots("b", 6, 1, 2), Slots("c", 6, 2, 5)])


def test_places_in_memory_keep_their_names():
    memory = MemoryMap(base=8192)
    first = memory.place("a", 5000)
    assert (first.address, memory.place("b", 1).address) == (8192, 8192 + 2 * 4096)
    assert memory.place("a", 5000) is first
    assert memory.new("a", 10) != memory.new("a", 10)
    with pytest.raises(ConfigError, match=r"a: 5001 bytes, laid out as \(\), are not what another program has: 5000"):
        memory.place("a", 5001)


@pytest.mark.parametrize("choice", First)
def test_a_tensor_that_must_be_apart_from_many_is_not_shut_out(choice):
    """Scales of keys are read beside the scores of every head, which would spread over all banks."""
    scores = [tensor(0, 9, 4, ((0, 10_000, Unit.VECTOR, False),)) for _ in range(2 * CONFIG.banks)]
    scales = tensor(0, 9, 1)
    scales.apart = set(scores)
    for each in scores:
        each.apart = {scales}
    place_tensors(CONFIG, [*scores, scales], 0, choice)
    assert not {CONFIG.bank(scales.address)} & {CONFIG.bank(each.address) for each in scores}
    # Nothing can be apart from as many tensors as there are banks if each of these is apart from the others.
    for each in scores:
        each.apart = {scales, *scores} - {each}
    with pytest.raises(ConfigError, match="find no room in the scratchpad"):
        place_tensors(CONFIG, [*scores, scales], 0, choice)
