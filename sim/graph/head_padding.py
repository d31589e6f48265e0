"""Padding of heads: where the elements of a head lie in a projection, and in the room that a head has."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class HeadPadding:
    """Elements of a head among the elements for which it has room; the others are zeros."""

    size: int
    """Number of elements of a head."""
    room: int
    """Number of elements for which there is room."""
    halves: bool
    """Flag: each half of the room begins with half of the elements, as rotary embedding needs it."""
    together: int = 1
    """Number of heads whose rests, what is left of each half behind whole steps of the vector unit, share a step.

    If there are several, a projection has no zeros: the whole steps of these heads come first, a head's first half
    before its second, then the rests of their first halves, and those of their second halves. Rotary embedding gives
    each head its room: its whole steps, and the two steps of rests, in which those of other heads become zeros.
    """

    @property
    def rest(self) -> int:
        """Number of elements of half a head behind its whole steps, if several heads are together."""
        return (self.room - self.size) // (2 * (self.together - 1))

    @property
    def whole(self) -> int:
        """Number of elements of half a head in whole steps, if several heads are together."""
        return self.size // 2 - self.rest

    def place(self, head: int, heads: int) -> tuple[int, int]:
        """Return the group of a head, of so many heads together, and its number in the group.

        Heads of a group are as far apart as possible, so that those of one number are rows that follow one another.
        """
        number, group = divmod(head, heads // self.together)
        return group, number

    @property
    def shared(self) -> int:
        """Number of elements of the two steps with the rests of heads that are together."""
        return 2 * self.rest * self.together

    @property
    def table_columns(self) -> int:
        """Number of columns of a table for rotary embedding: whole steps of a head, then two steps for each rest."""
        return 2 * self.whole + self.together * self.shared if self.together > 1 else self.room

    def table(self, values: np.ndarray) -> np.ndarray:
        """Return a table for rotary embedding whose last axis is a head, without padding, as one for heads together."""
        rooms = [self.placed(values, number) for number in range(self.together)]
        return np.concatenate([rooms[0], *(room[..., 2 * self.whole :] for room in rooms[1:])], axis=-1)

    def rooms(self, rows: np.ndarray) -> np.ndarray:
        """Return an array of a row for each head, without padding, as one of the rooms of all heads."""
        if self.together == 1:
            return self.spread(rows)
        return np.stack([self.placed(row, self.place(index, len(rows))[1]) for index, row in enumerate(rows)])

    def placed(self, values: np.ndarray, number: int) -> np.ndarray:
        """Return an array whose last axis is a head as the room of the head of this number in its group."""
        shape = values.shape[:-1]
        halves = values.reshape(*shape, 2, -1)
        rests = np.zeros((*shape, 2, self.shared // 2))
        rests[..., number * self.rest : (number + 1) * self.rest] = halves[..., self.whole :]
        return np.concatenate([halves[..., : self.whole].reshape(*shape, -1), rests.reshape(*shape, -1)], axis=-1)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return an array whose last axis is heads without padding as the projection of heads with padding has them."""
        if self.together > 1:
            heads = values.reshape(*values.shape[:-1], self.together, -1, 2, self.size // 2)
            groups = np.moveaxis(heads, -4, -3)
            whole, rests = groups[..., : self.whole], np.moveaxis(groups[..., self.whole :], -3, -2)
            flat = [each.reshape(*groups.shape[:-3], -1) for each in (whole, rests)]
            return np.concatenate(flat, axis=-1).reshape(values.shape)
        shape, parts = values.shape[:-1], 2 if self.halves else 1
        split = values.reshape(*shape, -1, self.size // parts)
        padded = np.pad(split, [(0, 0)] * (split.ndim - 1) + [(0, (self.room - self.size) // parts)])
        return padded.reshape(*shape, -1)
