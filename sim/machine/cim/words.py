"""Signed integers packed into the words of a bus."""

import numpy as np


def pack(matrix: np.ndarray, bits: int, word_bits: int) -> np.ndarray:
    """Return the words that hold a matrix of signed integers, each row starting at a new word.

    Parameters
    ----------
    matrix : ndarray of int, shape (rows, columns)
        Values within ``bits``.
    bits : int
        Width of an element in two's complement; element 0 comes lowest.
    word_bits : int
        Width of a word, a multiple of 8.

    Returns
    -------
    ndarray of uint8, shape (rows * words of a row, word_bits / 8)
        Little-endian words, the unused end of a row zero.
    """
    rows, columns = matrix.shape
    words = -(-columns * bits // word_bits)
    if bits == 8:
        whole = np.zeros((rows, words * word_bits // 8), np.uint8)
        whole[:, :columns] = matrix.astype(np.int8).view(np.uint8)
        return whole.reshape(rows * words, word_bits // 8)
    planes = (matrix[:, :, None].astype(np.int64) >> np.arange(bits)) & 1
    padded = np.zeros((rows, words * word_bits), dtype=np.uint8)
    padded[:, : columns * bits] = planes.reshape(rows, columns * bits)
    return np.packbits(padded.reshape(rows * words, word_bits), axis=1, bitorder="little")


def unpack(words: np.ndarray, bits: int, columns: int) -> np.ndarray:
    """Return the signed integers of words; the inverse of :func:`pack`.

    Parameters
    ----------
    words : ndarray of uint8, shape (..., bytes)
        The bytes of a row each.
    bits : int
        Width of an element.
    columns : int
        Elements to take from each row.

    Returns
    -------
    ndarray of int64, shape (..., columns)
    """
    if bits == 8 and words.flags.c_contiguous:
        return words.view(np.int8)[..., :columns].astype(np.int64)
    planes = np.unpackbits(words, axis=-1, bitorder="little", count=columns * bits)
    elements = planes.reshape(*words.shape[:-1], columns, bits).astype(np.int64)
    weights = np.left_shift(np.int64(1), np.arange(bits, dtype=np.int64))
    weights[-1] = -weights[-1]
    return elements @ weights
