"""Co-simulation of the arithmetic units: the designs of the table, and how a bench is run on a design."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.hdl import Mux, Value

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.arith import dot_vectors as dots
from tilewright.cocotb_tests.arith import lane_vectors as lanes
from tilewright.cocotb_tests.arith import vectors as pairs
from tilewright.cocotb_tests.arith.harness import Care
from tilewright.cocotb_tests.arith.runs import Bench
from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.codec_units import Decoder, Encoder
from tilewright.hw.arith.converter import Converter
from tilewright.hw.arith.fp4_unit import Fp4Unit
from tilewright.hw.arith.mac import Mac
from tilewright.hw.arith.mac_core import MacCore
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.hw.arith.read_out import ReadOut
from tilewright.hw.arith.segmented_quire import SegmentedQuire
from tilewright.hw.arith.significand_multiplier import SignificandMultiplier
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import BF16, E4M3, E5M2, FP16, Posit, ScalarFormat


@dataclass(frozen=True)
class Design:
    """A unit but for its stages, and operands for it.

    Parameters
    ----------
    unit : class of Unit
        What is built.
    formats : tuple of ScalarFormat
        Its first arguments.
    options : dict
        Its other arguments.
    """

    unit: Callable[..., Any]
    formats: tuple[ScalarFormat, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The unit, its formats and its options."""
        options = (f"{name}={value}" for name, value in self.options.items())
        return " ".join([self.unit.__name__, *map(str, self.formats), *options])

    @property
    def most_stages(self) -> int:
        """Stages of the longest pipeline."""
        return len(self.unit.CUTS)  # type: ignore[attr-defined]

    def build(self, stages: int, *, back_pressure: bool = True) -> Unit:
        """Return a unit."""
        return self.unit(*self.formats, **self.options, stages=stages, back_pressure=back_pressure)

    def variants(self) -> list[Unit]:
        """Return units with all numbers of stages, and without back-pressure those with none and with most."""
        waiting = [self.build(stages) for stages in range(self.most_stages + 1)]
        return waiting + [self.build(stages, back_pressure=False) for stages in sorted({0, self.most_stages})]

    def vectors(self, unit: Unit, count: int, seed: int = 1) -> Vectors:
        """Return operands for a unit of the design and expected results.

        All there are if they are few, else corners and about ``count`` random ones.
        """
        rng = np.random.default_rng(seed)
        layout, formats = unit.i.p.shape(), self.formats
        match unit:
            case Multiplier() | Adder():
                [format] = formats
                operation = "multiply" if isinstance(unit, Multiplier) else "add"
                if format.bits <= 8:
                    a, b = pairs.all_pairs(format.bits)
                else:
                    chosen = pairs.corner_pairs(format), pairs.random_pairs(format, count, rng)
                    a, b = (np.concatenate(codes) for codes in zip(*chosen, strict=True))
                return pairs.two_operand_vectors([(operation, format)], format.bits, a, b)
            case Converter():
                return pairs.converter_vectors([(unit.source, unit.destination)], unit.source.bits)
            case Decoder():
                return pairs.decoder_vectors(unit.format, unit.o.p.shape())
            case Encoder():
                return pairs.encoder_vectors(unit.format, layout, rng)
            case Mac():
                chosen_dots = [*dots.extreme_dots(unit.format), *dots.random_dots(unit.format, count, rng)]
                return dots.dot_vectors(unit.format, layout, [*chosen_dots, *dots.long_dots(unit.format, 2, rng)])
            case MacCore():
                chosen_dots = [*dots.extreme_dots(unit.format), *dots.random_dots(unit.format, count, rng)]
                return dots.core_vectors(unit.format, layout, chosen_dots)
            case ReadOut():
                width, lsb = self.options["width"], self.options["lsb"]
                return lanes.read_out_vectors(formats[0], layout, width, lsb, count, rng)
            case Fp4Unit():
                return lanes.fp4_vectors(layout, 15_000 + count, rng)
            case SignificandMultiplier():
                return lanes.significand_vectors(layout, count, rng)
            case SegmentedQuire():
                return lanes.segmented_vectors(layout, count // 20, rng)
        raise TypeError(f"no operands for {unit}")

    @property
    def care(self) -> Care | None:
        """Which bits of a result mean something."""
        return {Decoder: _parts_that_mean_something, Fp4Unit: _sum_if_it_is_one}.get(self.unit)  # type: ignore[call-overload]


def _parts_that_mean_something(parts) -> Value:
    """A number's scale means nothing if it is zero, NaN or infinite."""
    layout = parts.shape()
    every, scale = (1 << layout.size) - 1, layout["scale"]
    mask = ((1 << scale.width) - 1) << scale.offset
    return Mux(parts.zero | parts.nan | parts.inf, every & ~mask, every)


def _sum_if_it_is_one(result) -> Value:
    """A sum with a NaR in it means nothing."""
    return Mux(result.nan, 1 << Fp4Unit.SUM_BITS, (1 << Fp4Unit.SUM_BITS + 1) - 1)


P4, P8, P16 = Posit(4, 1), Posit(8, 0), Posit(16, 1)

DESIGNS = (
    Design(Multiplier, (P8,)),
    Design(Multiplier, (BF16,)),
    Design(Adder, (E4M3,)),
    Design(Adder, (P16,)),
    Design(Converter, (P16, BF16)),
    Design(Converter, (FP16, P8)),
    Design(Decoder, (P16,)),
    Design(Encoder, (BF16,), {"scale_bits": 9, "fraction_bits": 10}),
    Design(Mac, (P8,)),
    Design(Mac, (P16,)),
    Design(Mac, (E5M2,), {"style": "rows"}),
    Design(MacCore, (P8,), {"style": "rows", "segment_bits": 32}),
    Design(Fp4Unit),
    Design(ReadOut, (P4,), {"width": Fp4Unit.SUM_BITS, "lsb": Fp4Unit.SUM_LSB}),
    Design(SignificandMultiplier),
    Design(SegmentedQuire),
)
"""The designs of the table."""


def run_table(design: Design) -> list[dict]:
    """Build a design without stages and with most of them, and run its operands; return a row for each.

    Cycles of the model are one for each operand, and ``LATENCY`` for each time that the harness's memories are filled.

    Raises
    ------
    BenchError
        If a run does not end.
    """
    units = [design.build(stages) for stages in (0, design.most_stages)]
    rows = run_bench(units, design.vectors(units[0], 10_000), "table", care=design.care)
    return [{"name": f"{design.name}, {unit.stages} stages", **row} for unit, row in zip(units, rows, strict=True)]


def run_bench(
    units: Sequence[Unit],
    vectors: Vectors,
    testcase: str | None = "replay",
    *,
    seed: int = 1,
    latencies: Sequence[int] | None = None,
    care: Care | None = None,
) -> list[dict]:
    """Build units of one function in their harness and run one test of its bench, or all of them.

    Parameters and rows as of :class:`.arith_bench.Bench`.
    """
    return Bench.of(units, latencies=latencies, care=care).run(vectors, testcase, seed=seed)


def cosim(designs: tuple[Design, ...], jobs: int) -> Iterator[tuple[Design, list[dict]]]:
    """Run designs, ``jobs`` at a time; yield each with its rows as it ends."""
    # Dot products take longest: first.
    yield from runner.side_by_side(run_table, sorted(designs, key=lambda design: design.unit is not Mac), jobs)
