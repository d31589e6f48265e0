"""Events of a run that cost energy, and the energy of each kind of event."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

from tilewright.sim.config.figures import LEVELS, FigureRange


@dataclass
class Counts:
    """Events that cost energy."""

    memory_bytes: int = 0
    cycles: int = 0
    """Number of cycles in which main memory has power."""
    macs: int = 0
    """Number of multiply-accumulates that the array carried out, also those whose result is not used."""
    npe_macs: dict[str, int] = field(default_factory=dict)
    """Number of multiply-accumulates of the NPE's jobs, by the name of the format of both operands."""
    weight_bits: int = 0
    """Number of bits written into the array."""
    activation_bits: int = 0
    """Number of bits moved between the scratchpad and the array."""
    vector_elements: int = 0
    """Number of elements that the vector unit processed, summed over its passes."""
    commands: int = 0
    """Number of commands that were fetched, with those that were fetched ahead and dropped."""
    load_beats: int = 0
    """Number of beats read into the scratchpad."""
    write_beats: int = 0
    """Number of beats written to main memory."""
    stored_elements: int = 0
    """Number of elements that the store unit read from the scratchpad, each in a cycle of its own."""
    weight_beats_in: int = 0
    """Number of beats written into the weight buffer."""
    weight_beats_out: int = 0
    """Number of beats that the array took from the weight buffer."""
    array_vectors: int = 0
    """Number of vectors that the array multiplied, each with one block of weights."""
    driven_products: int = 0
    """Number of weights that an input met, also those in columns of the array that the block left without use."""
    driven_sums: int = 0
    """Number of sums that macros made of these, also those in columns without use."""
    input_words: int = 0
    """Number of words of activations that the array took from the scratchpad into its input buffer."""
    column_sums: int = 0
    """Number of sums that the array made, one for each column of the block and vector."""
    partial_sums: int = 0
    """Number of these sums that were written into the accumulators, and later read from there."""
    result_words: int = 0
    """Number of words of results that the array wrote into the scratchpad."""
    scratchpad_reads: int = 0
    """Number of cycles in which a reader took a word from a bank of the scratchpad."""
    scratchpad_writes: int = 0
    """Number of cycles in which a writer wrote bytes of a word into a bank of the scratchpad."""
    lane_passes: int = 0
    """Number of passes of the vector unit, each counted once for each lane."""
    vector_slots: int = 0
    """Number of elements for which the lanes of the vector unit worked; the last step of a row counts as a whole."""
    vector_adds: int = 0
    """Number of these to which a row scalar was added."""
    vector_multiplies: int = 0
    """Number of these that were multiplied by a row scalar."""
    vector_exponentials: int = 0
    vector_gates: int = 0
    """Number of these that went through SiLU or GELU."""
    vector_products: int = 0
    """Number of these that were multiplied by an element of B or squared."""
    vector_offsets: int = 0
    """Number of these to which an element of C was added."""
    vector_sums: int = 0
    """Number of these that a sum of a row took in."""
    vector_maxima: int = 0
    """Number of these that a maximum of a row took in."""
    reductions: int = 0
    """Number of passes that reduced rows."""
    row_scalars: int = 0
    """Number of row scalars that reductions left."""

    def add(self, more: "Counts") -> None:
        """Add the events of another run."""
        for each in fields(self):
            ours, theirs = getattr(self, each.name), getattr(more, each.name)
            if isinstance(ours, dict):
                for name, count in theirs.items():
                    ours[name] = ours.get(name, 0) + count
            else:
                setattr(self, each.name, ours + theirs)


NUMBERS = tuple(each.name for each in fields(Counts) if each.type is int)
"""Names of the counts that are one number: all but those of each format."""


@dataclass(frozen=True)
class PerJoule:
    """Number of things that one joule pays for: the fewest, with the high energy, to the most, with the low energy.

    A number is infinite where the energy is zero.
    """

    low: float
    mid: float
    high: float


@dataclass(frozen=True)
class EnergyRange:
    """Low, middle and high energy, in joules."""

    low: float
    mid: float
    high: float

    def per_joule(self, count: int) -> "PerJoule":
        """Return how many of ``count`` things that took this energy together one joule pays for."""
        return PerJoule(*(count / joules if joules else float("inf") for joules in (self.high, self.mid, self.low)))

    def to_dict(self, count: int) -> dict:
        """Return the energy of ``count`` tokens for JSON, and the tokens for one joule unless they are without end."""
        energies = {"energy_j": self.mid, "energy_range_j": asdict(self)}
        return energies | ({"tokens_per_j": asdict(self.per_joule(count))} if self.low else {})


@dataclass(frozen=True)
class EnergyItem:
    """Energy of one kind of event."""

    name: str
    events: int
    unit: str
    pj: FigureRange
    """Energy of an event: a low, a middle and a high figure, each with its source."""

    @property
    def pj_per_event(self) -> float:
        """Energy of an event: the middle figure."""
        return self.pj.mid.value

    @property
    def source(self) -> str:
        """Source of the middle figure."""
        return self.pj.mid.source

    @property
    def range_j(self) -> EnergyRange:
        """Energy of all events."""
        return EnergyRange(*(self.events * getattr(self.pj, level).value * 1e-12 for level in LEVELS))

    @property
    def joules(self) -> float:
        """Energy of all events by the middle figure."""
        return self.range_j.mid

    def to_dict(self) -> dict:
        """Return the item for JSON: the middle figure, then the low and the high one in tables."""
        levels = {
            level: {
                "joules": getattr(self.range_j, level),
                "pj_per_event": getattr(self.pj, level).value,
                "source": getattr(self.pj, level).source,
            }
            for level in LEVELS
        }
        return {
            "name": self.name,
            "events": self.events,
            "unit": self.unit,
            **levels["mid"],
            "low": levels["low"],
            "high": levels["high"],
        }


def total(items: Sequence[EnergyItem]) -> EnergyRange:
    """Return the energy of all items together, all of them at their low, middle or high figures at once."""
    ranges = [item.range_j for item in items]
    return EnergyRange(*(sum(getattr(each, level) for each in ranges) for level in LEVELS))
