"""Exact times of the store unit and its bus."""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import groupby

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Store
from tilewright.sim.isa.depths import STORE_BEATS
from tilewright.sim.isa.widths import PAGE_BYTES
from tilewright.sim.machine.bus.axi_master import NEVER, WriteMasterModel, bursts
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

LEAST_WORDS = 4
"""Number of words of a burst from which on it is quicker to look for words that go as those before."""
WORD_LATENCY = 2
"""Cycles from the read of a beat's last element to the beat being offered."""


class StoreModel:
    """Reads one element in each cycle, gathers elements into beats, and writes them row by row.

    Parameters
    ----------
    config : AcceleratorConfig
    memory : AxiMemoryModel
    """

    def __init__(self, config: AcceleratorConfig, memory: AxiMemoryModel):
        self._config, self._memory = config, memory
        self._master = WriteMasterModel(config, memory)
        self._read = NEVER
        """Cycle in which the last element was read."""
        self._sent = deque[int](maxlen=STORE_BEATS)
        """Cycles in which the last beats were sent, of those that may be begun ahead of the bus."""

    @property
    def beats(self) -> int:
        """Number of beats written so far."""
        return self._master.beats

    def count(self, beats: int) -> None:
        """Add to the number of beats written those of commands that are counted, not computed."""
        self._master.beats += beats

    def state(self, now: int) -> tuple[int, ...]:
        """Return all on which commands from cycle ``now`` on depend, relative to it; memory has its own state."""
        return self._master.state(now)

    def run(
        self,
        command: Store,
        address: int,
        begin: int,
        bad_beat: Callable[[int, int], int | None],
        *,
        every_burst: bool = True,
    ) -> tuple[int, int | None]:
        """Run a command that began in a cycle.

        Returns the cycle in which all is written, and the one of the first response that was an error, if one was.

        Parameters
        ----------
        bad_beat : callable
            Returns the first beat of a burst, given by address and beats, that memory answers with an error.
        every_burst : bool
            Whether to compute all bursts; otherwise equal ones that go as those before are counted, none of which is an
            error. With refresh or turns hardly any do.
        """
        every_burst = every_burst or self._memory.pauses
        master = self._master
        self._read = begin
        self._sent.extend([NEVER] * STORE_BEATS)
        answered, failed = begin, None
        for (begins, elements), equal in groupby(self._bursts(command, address), key=lambda burst: burst[1:]):
            places = [place for place, *_ in equal]
            seen: dict[tuple, tuple[int, int]] = {}
            done = 0
            while done < len(places):
                if begins:
                    master.take(max(begin, master.taken) + 1)
                place = places[done]
                self._burst(elements, all_words=every_burst)
                answered = master.end()
                if failed is None and bad_beat(place, len(elements)) is not None:
                    failed = answered
                done += 1
                if every_burst or done == len(places):
                    continue
                now = master.announced
                state = self._beats(now), master.state(now), self._memory.write_state(now)
                before, since = seen.setdefault(state, (done, now))
                if before < done and (times := (len(places) - done) // (done - before)):
                    self._shift(times * (now - since))
                    master.shift(times * (now - since), times * (done - before) * len(elements))
                    answered += times * (now - since)
                    done += times * (done - before)
        return answered, failed

    def _burst(self, elements: tuple[int, ...], *, all_words: bool) -> None:
        """Write the words of a burst, given by their elements."""
        master, sent = self._master, self._sent
        master.announce()
        alone = all_words or len(elements) < LEAST_WORDS or len(set(elements)) > 1
        seen: dict[tuple, tuple[int, int]] | None = None if alone else {}
        done = 0
        while done < len(elements):
            sent.append(master.sent)
            self._read = max(self._read, sent[0]) + elements[done]
            master.word(self._read + WORD_LATENCY)
            done += 1
            if seen is None:
                continue
            now = master.sent
            before, since = seen.setdefault((self._beats(now), master.word_state(now)), (done, now))
            if before < done and (times := (len(elements) - done) // (done - before)):
                self._shift(times * (now - since))
                master.shift_words(times * (now - since), times * (done - before))
                done += times * (done - before)
                seen = None

    def _beats(self, now: int) -> tuple[int, ...]:
        """Return when elements were read and beats sent, relative to a cycle."""
        return self._read - now, *[sent - now for sent in self._sent]

    def _shift(self, cycles: int) -> None:
        """Let cycles pass in which elements are read and beats sent as before."""
        self._read += cycles
        self._sent.extend([sent + cycles for sent in self._sent])

    def _bursts(self, command: Store, address: int) -> Iterator[tuple[int, bool, tuple[int, ...]]]:
        """Yield each burst of a command: address, whether a row begins with it, and the elements of its beats."""
        beat = self._config.bus_bytes
        shapes: dict[int, list[tuple[int, bool, tuple[int, ...]]]] = {}
        for plane in range(command.planes):
            for row in range(command.rows):
                first = address + plane * command.plane_stride + row * command.stride
                place = first % PAGE_BYTES
                if place not in shapes:
                    elements = self._elements(command, first % beat)
                    start, done = first // beat * beat, 0
                    shapes[place] = []
                    for at, burst in bursts(self._config, start, len(elements)):
                        shapes[place].append((at - start, not done, elements[done : done + burst]))
                        done += burst
                for offset, begins, elements in shapes[place]:
                    yield first // beat * beat + offset, begins, elements

    def _elements(self, command: Store, place: int) -> tuple[int, ...]:
        """Return the elements of each beat of a row that begins at a place in a beat."""

        def elements(bytes_: int) -> int:
            return 2 * bytes_ if command.packed else bytes_ >> command.size

        beat = self._config.bus_bytes
        first = min(command.count, elements(beat - place))
        whole, last = divmod(command.count - first, elements(beat))
        return (first, *[elements(beat)] * whole, *([last] if last else []))
