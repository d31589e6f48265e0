import numpy as np
import pytest

from tilewright.sim.machine.cim.words import pack, unpack


@pytest.mark.parametrize(
    ("bits", "word_bits", "columns"), [(4, 8, 1), (4, 64, 37), (8, 64, 8), (8, 256, 33), (32, 96, 5)]
)
def test_unpack_inverts_pack(bits, word_bits, columns):
    matrix = np.random.default_rng(1).integers(-(1 << bits - 1), 1 << bits - 1, (6, columns))
    words = pack(matrix, bits, word_bits)
    per_row = -(-columns * bits // word_bits)
    assert words.shape == (6 * per_row, word_bits // 8)
    assert (unpack(words.reshape(6, -1), bits, columns) == matrix).all()


def test_element_0_is_lowest_and_rows_start_at_words():
    words = pack(np.array([[1, -1, 2], [3, 0, 0]]), 4, 8)
    assert words.tolist() == [[0xF1], [0x02], [0x03], [0x00]]
