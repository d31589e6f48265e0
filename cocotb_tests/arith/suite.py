"""Co-simulation of the arithmetic units: the suites of the table, and how a bench is run on units."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from amaranth.hdl import Mux, Value

from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.arith import dot_vectors as dots
from tilewright.cocotb_tests.arith import lane_vectors as lanes
from tilewright.cocotb_tests.arith import mixed_vectors as mixed
from tilewright.cocotb_tests.arith import vectors as pairs
from tilewright.cocotb_tests.arith.harness import Care, harness_verilog
from tilewright.cocotb_tests.arith.units_suite import DEPTH, UnitsBench
from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.cocotb_tests.harness.run_options import ALL_CASES, RunOptions, with_files
from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.codec_units import Decoder, Encoder
from tilewright.hw.arith.converter import Converter
from tilewright.hw.arith.fp4_unit import Fp4Unit
from tilewright.hw.arith.mac import Mac
from tilewright.hw.arith.mac_core import MacCore
from tilewright.hw.arith.mixed_mac import MixedMac, SumShape
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.hw.arith.read_out import ReadOut
from tilewright.hw.arith.segmented_quire import SegmentedQuire
from tilewright.hw.arith.significand_multiplier import SignificandMultiplier
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import BF16, E4M3, E5M2, FP16, Posit, ScalarFormat


@dataclass(frozen=True)
class UnitSuite:
    """A unit without stages and one with the most stages, and operands for both.

    Parameters
    ----------
    unit : class of Unit
        What is built.
    formats : tuple of ScalarFormat
        Its first arguments.
    options : dict
        Its other arguments.
    seed : int
        Seed of the random operands of the table.
    """

    unit: Callable[..., Any]
    formats: tuple[ScalarFormat, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 1

    @property
    def name(self) -> str:
        """The unit, its formats and its options."""
        options = (f"{name}={value}" for name, value in self.options.items())
        return " ".join([self.unit.__name__, *map(str, self.formats), *options])

    @property
    def most_stages(self) -> int:
        """Number of stages of the longest pipeline."""
        return len(self.unit.CUTS)  # type: ignore[attr-defined]

    def build(self, stages: int, *, back_pressure: bool = True) -> Unit:
        """Return a unit."""
        return self.unit(*self.formats, **self.options, stages=stages, back_pressure=back_pressure)

    def variants(self, stages: Collection[int] | None = None) -> list[Unit]:
        """Return units with all numbers of stages or some, and without back-pressure those with none and with most."""
        waiting = [self.build(number) for number in range(self.most_stages + 1) if stages is None or number in stages]
        return waiting + [self.build(stages, back_pressure=False) for stages in sorted({0, self.most_stages})]

    def vectors(self, unit: Unit, count: int, seed: int = 1) -> Vectors:
        """Return operands for a unit of the suite and expected results.

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
            case MixedMac():
                weights, activations = operands = unit.weights, unit.activations
                sums = [
                    *mixed.every_product(*operands),
                    *mixed.changing_sums(*operands),
                    *mixed.random_dots(*operands, count, rng),
                ]
                return mixed.mixed_vectors(weights, activations, layout, sums)
            case Fp4Unit():
                return lanes.fp4_vectors(layout, 15_000 + count, rng)
            case SignificandMultiplier():
                return lanes.significand_vectors(layout, count, rng)
            case SegmentedQuire():
                return lanes.segmented_vectors(layout, count // 20, rng)
        raise TypeError(f"no operands for {unit}")

    @property
    def effort(self) -> float:
        """Relative duration of a run; dot products take longest."""
        return float(self.unit is Mac)

    def table_units(self) -> list[Unit]:
        """Return the units of the table: without stages and with most of them."""
        return [self.build(stages) for stages in self.table_stages]

    @property
    def table_stages(self) -> tuple[int, ...]:
        """Numbers of stages of the units of the table."""
        return 0, self.most_stages

    def verilog(self) -> str:
        """Return the units of the table in their harness as Verilog."""
        return harness_verilog(self.table_units(), depth=DEPTH, care=self.care)

    def cases(self) -> list[Vectors]:
        """Return the operands of the table."""
        unit = self.build(0)
        unit._MustUse__silence = True  # only its shapes are used
        return [self.vectors(unit, 10_000, self.seed)]

    def case_names(self) -> list[str]:
        """Return the names of the units of the table, which are its cases."""
        return [f"{stages} stages" for stages in self.table_stages]

    def seeded(self, seed: int) -> "UnitSuite":
        """Return the suite with other random operands."""
        return replace(self, seed=seed)

    @property
    def usual_name(self) -> str:
        """Name of the circuit's module in a text of a user's: there is no usual one."""
        return ""

    def harness(self, options: RunOptions) -> UnitsBench:
        """Return the bench in which a circuit of a user's can take the place of the only unit that is chosen.

        Raises
        ------
        ConfigError
            If more than one is.
        """
        chosen = options.chosen(self.case_names(), self.table_stages)
        if len(chosen) > 1:
            raise ConfigError(f"verilog: a case must be chosen, one of: {', '.join(self.case_names())}")
        return UnitsBench.of([self.build(stages) for stages in chosen], care=self.care, apart=True)

    def run(self, options: RunOptions = ALL_CASES) -> list[dict]:
        """Build the units of the table and run their operands; return a row for each unit.

        Cycles of the model are one for each operand, and ``LATENCY`` for each time that the harness's memories are
        filled.

        Raises
        ------
        BenchError
            If a run does not end.
        """
        chosen = options.chosen(self.case_names(), self.table_stages)
        units, [operands] = [self.build(stages) for stages in chosen], self.cases()
        waves, record = options.wave_file(self.name), options.record(self.name)
        bench = UnitsBench.of(units, care=self.care, apart=options.foreign is not None)
        rows = bench.run(operands, "table", waves=waves, record=record, foreign=options.foreign)
        return [
            with_files({"name": f"{self.name}, {unit.stages} stages", **row}, waves, record)
            for unit, row in zip(units, rows, strict=True)
        ]

    @property
    def care(self) -> Care | None:
        """Function from a result to the mask of the bits that have a meaning."""
        return {  # type: ignore[call-overload]
            Decoder: _parts_that_mean_something,
            Fp4Unit: _sum_if_it_is_one,
            MixedMac: _sum_if_it_is_one,
        }.get(self.unit)


def _parts_that_mean_something(parts) -> Value:
    """Return the mask of a number: its scale has no meaning if it is zero, NaN or infinite."""
    layout = parts.shape()
    every, scale = (1 << layout.size) - 1, layout["scale"]
    mask = ((1 << scale.width) - 1) << scale.offset
    return Mux(parts.zero | parts.nan | parts.inf, every & ~mask, every)


def _sum_if_it_is_one(result) -> Value:
    """Return the mask of a sum: a sum with a NaR or NaN in it has no meaning."""
    bits = result.shape()["sum"].width
    return Mux(result.nan, 1 << bits, (1 << bits + 1) - 1)


P4, P5, P8, P16 = Posit(4, 1), Posit(5, 1), Posit(8, 0), Posit(16, 1)
MIXED_SUM = SumShape.of(P5, E4M3)

SUITES = (
    UnitSuite(Multiplier, (P8,)),
    UnitSuite(Multiplier, (BF16,)),
    UnitSuite(Adder, (E4M3,)),
    UnitSuite(Adder, (P16,)),
    UnitSuite(Converter, (P16, BF16)),
    UnitSuite(Converter, (FP16, P8)),
    UnitSuite(Decoder, (P16,)),
    UnitSuite(Encoder, (BF16,), {"scale_bits": 9, "fraction_bits": 10}),
    UnitSuite(Mac, (P8,)),
    UnitSuite(Mac, (P16,)),
    UnitSuite(Mac, (E5M2,), {"style": "rows"}),
    UnitSuite(MacCore, (P8,), {"style": "rows", "segment_bits": 32}),
    UnitSuite(Fp4Unit),
    UnitSuite(MixedMac, (P5, E4M3)),
    UnitSuite(ReadOut, (FP16,), {"width": MIXED_SUM.bits, "lsb": MIXED_SUM.lsb, "scale_bits": 8}),
    UnitSuite(ReadOut, (P4,), {"width": Fp4Unit.SUM_BITS, "lsb": Fp4Unit.SUM_LSB}),
    UnitSuite(SignificandMultiplier),
    UnitSuite(SegmentedQuire),
)
"""The suites of the table."""


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

    Parameters and rows as of :class:`.units_suite.UnitsBench`.
    """
    return UnitsBench.of(units, latencies=latencies, care=care).run(vectors, testcase, seed=seed)
