"""A text that was written, and what each of its programs took: cycles, bounds, energy, timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from tilewright.base.files import write_json, write_text
from tilewright.mapping.lower.comparison import Comparison
from tilewright.mapping.report import RunCounts
from tilewright.mapping.writing import Start, Stop
from tilewright.sim.config import System
from tilewright.sim.energy.events import Counts, EnergyRange, PerJoule, total
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.estimate.bounds import bounds
from tilewright.sim.machine.accelerator.program_run import AcceleratorRun
from tilewright.sim.trace import Span, perfetto_json


@dataclass(frozen=True, kw_only=True)
class ProgramRow:
    """One program of a text."""

    name: str
    """Positions of its tokens."""
    position: int
    """Position of its first token."""
    tokens: int
    """Number of tokens that went through the model."""
    token: int | None
    """Token that was chosen after it; None if the program made no logits."""
    model_cycles: int
    """Number of cycles on the exact model."""
    rtl_cycles: int | None = None
    """Number of cycles in RTL; None if only the exact model ran."""
    mismatches: int | None = None
    """Number of bytes of memory after the program that differ between RTL and exact model."""
    found: str = ""
    """Differences between RTL and exact model in words."""
    bounds: dict[str, int]
    """Cycles that each resource needs for the program, by its name."""
    events: Counts
    """Events that cost energy."""
    spans: tuple[Span, ...] = ()
    """Timeline from the start of the program on, if one was asked for."""

    @classmethod
    def of(
        cls, system: System, start: Start, run: AcceleratorRun, token: int | None, *, timeline: bool, **rtl: Any
    ) -> Self:
        """Return the row of a program that the exact model has run with a timeline; ``rtl`` are fields of RTL."""
        counts = RunCounts(system)
        counts.add(start.program, run)
        return cls(
            name=start.name,
            position=start.position,
            tokens=len(start.tokens),
            token=token,
            model_cycles=run.cycles,
            bounds=bounds(start.graph, system).cycles,
            events=counts.events,
            spans=tuple(counts.spans) if timeline else (),
            **rtl,
        )

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Return the row whose ``asdict`` has gone through JSON."""
        return cls(**{**row, "events": Counts(**row["events"]), "spans": tuple(Span(*span) for span in row["spans"])})

    def to_dict(self) -> dict:
        """Return the row for JSON, without its timeline."""
        row = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "spans"}
        return {**row, "events": asdict(self.events)}


@dataclass(frozen=True, kw_only=True)
class WrittenText:
    """A text that a decoder has written on an accelerator."""

    model: str
    """Name of the model: what was asked for."""
    system: System
    prompt: str
    text: str
    """Text after the prompt."""
    prompt_tokens: tuple[int, ...]
    tokens: tuple[int, ...]
    """Tokens written, the one that ends the text included."""
    stop: Stop
    """Reason why the text ended."""
    programs: tuple[ProgramRow, ...]
    """Programs in the order in which they ran: the chunks of the prompt, then one for each further token."""
    rtl: bool
    """Whether the programs ran in RTL beside the exact model; tokens are then chosen from the logits of the RTL."""
    comparison: Comparison | None = None
    """Comparison of the arithmetic with the float64 reference, if one was asked for."""
    wave_files: tuple[Path, ...] = ()
    """Wave file of the simulation, and its list of signals for GTKWave."""

    @property
    def model_cycles(self) -> int:
        """Number of cycles of all programs on the exact model."""
        return sum(row.model_cycles for row in self.programs)

    @property
    def rtl_cycles(self) -> int | None:
        """Number of cycles of all programs in RTL; None if only the exact model ran."""
        return sum(row.rtl_cycles or 0 for row in self.programs) if self.rtl else None

    @property
    def mismatches(self) -> int | None:
        """Number of bytes that differ between RTL and exact model, summed over the programs."""
        return sum(row.mismatches or 0 for row in self.programs) if self.rtl else None

    @property
    def passed(self) -> bool:
        """Whether RTL and exact model agree in every byte, cycle and counter."""
        return not any(row.found for row in self.programs)

    @property
    def first_token_s(self) -> float:
        """Seconds from the start to the first token: the time of the prompt."""
        return self._seconds([row for row in self.programs if row.position < len(self.prompt_tokens)])

    @property
    def tokens_per_s(self) -> float:
        """Number of tokens that are written in a second, after the first one; of a single token the prompt counts."""
        rows = [row for row in self.programs if row.position >= len(self.prompt_tokens)]
        return len(rows) / self._seconds(rows) if rows else 1 / self.first_token_s

    @property
    def bound_fraction(self) -> float:
        """Largest bound of each program, summed, as a fraction of the cycles."""
        return sum(max(row.bounds.values()) for row in self.programs) / self.model_cycles

    @cached_property
    def events(self) -> Counts:
        """Events of all programs that cost energy."""
        totals = Counts()
        for row in self.programs:
            totals.add(row.events)
        return totals

    @property
    def energy_range_j(self) -> EnergyRange:
        """Energy of all programs, in joules: all parts at their low, their middle or their high figures."""
        return total(energy(self.events, self.system))

    @property
    def energy_j(self) -> float:
        """Energy of all programs, in joules, by the middle figures."""
        return self.energy_range_j.mid

    @property
    def tokens_per_j(self) -> PerJoule:
        """Number of tokens that are written with one joule, the energy of the prompt included."""
        return self.energy_range_j.per_joule(len(self.tokens))

    def to_dict(self) -> dict:
        """Return the text as ``tilewright run --json`` prints it; a comparison adds its own keys."""
        compared = self.comparison.to_dict() if self.comparison else {}
        if compared:
            compared["compared_tokens"] = compared.pop("tokens")
        return {
            "model": self.model,
            "system": self.system.name,
            "prompt": self.prompt,
            "text": self.text,
            "prompt_tokens": list(self.prompt_tokens),
            "tokens": list(self.tokens),
            "stop": self.stop,
            "clock_mhz": self.system.clock_mhz,
            "model_cycles": self.model_cycles,
            "rtl_cycles": self.rtl_cycles,
            "mismatches": self.mismatches,
            "first_token_s": self.first_token_s,
            "tokens_per_s": self.tokens_per_s,
            "bound_fraction": self.bound_fraction,
            **self.energy_range_j.to_dict(len(self.tokens)),
            **compared,
            "programs": [row.to_dict() for row in self.programs],
        }

    def write(self, folder: Path) -> list[Path]:
        """Write text.json, and text.trace.json (for ui.perfetto.dev) if there is a timeline; return their paths.

        Raises
        ------
        ConfigError
            If a file cannot be written.
        """
        written = [write_json(folder / "text.json", self.to_dict())]
        spans, begin = [], 0
        for row in self.programs:
            spans += [Span(span.unit, span.name, begin + span.start, begin + span.end) for span in row.spans]
            begin += row.model_cycles
        if spans:
            title = f"{self.model} on {self.system.name}"
            written.append(write_text(folder / "text.trace.json", perfetto_json(spans, title)))
        return written

    def _seconds(self, rows: Sequence[ProgramRow]) -> float:
        return sum(row.model_cycles for row in rows) / (self.system.clock_mhz * 1e6)
