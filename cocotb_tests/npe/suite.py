"""Co-simulation of the NPE: its configurations and products, and how they are run."""

from dataclasses import dataclass, replace
from fractions import Fraction

from tilewright.bench.npe_jobs import Job
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.harness.suite import HarnessSuite
from tilewright.cocotb_tests.npe.cases import Case
from tilewright.cocotb_tests.npe.cb_npe import BENCH
from tilewright.cocotb_tests.npe.harness import CORE, DUT, TOP, harness_verilog, prepared
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import INTEGER_MODES, Mode, SumFormat, parse_modes
from tilewright.sim.isa.descriptor import Activation, Along

F = Fraction
KIB = 1024


@dataclass(frozen=True)
class NpeSuite(HarnessSuite):
    """An NPE with its memory, and the jobs that run on it."""

    config: NpeConfig
    starts: tuple[Case, ...]
    memory_bytes: int = 256 * KIB
    optimisation: str = "-O0"
    top = TOP
    coroutines = BENCH
    circuit = DUT

    @property
    def name(self) -> str:
        """Shape in short: rows x columns, bits of the bus, beats of a panel's row, formats."""
        config = self.config
        modes = "all" if config.modes == NpeConfig().modes else ",".join(mode.label for mode in config.modes)
        return f"{config.rows}x{config.columns} bus{config.bus_bits} depth{config.depth} {modes}"

    @property
    def effort(self) -> float:
        return sum(case.macs for case in self.starts)

    def verilog(self) -> str:
        return harness_verilog(self.config, self.memory_bytes)

    def prepared(self, verilog: str) -> str:
        return prepared(verilog)

    def repeated(self) -> tuple[str, ...]:
        return (CORE,)

    def cases(self) -> tuple[Case, ...]:
        return self.starts

    def seeded(self, seed: int) -> "NpeSuite":
        return replace(self, starts=tuple(replace(case, seed=seed) for case in self.starts))

    def options(self) -> dict[str, int]:
        return {"memory_bytes": self.memory_bytes}


def _case(name: str, *jobs: Job, **timing: int | Fraction) -> Case:
    return Case(name=name, jobs=jobs, timing=Timing(**timing))  # type: ignore[arg-type]


def _of(mode: Mode, m: int, n: int, k: int, **options: object) -> Job:
    return Job(m=m, n=n, k=k, mode=mode, **options)  # type: ignore[arg-type]


def _formats(config: NpeConfig) -> tuple[Case, ...]:
    """Return a product in each format, ragged each way, to each format."""
    return tuple(
        _case(
            f"{mode.label}",
            _of(mode, 2 * config.rows + 1, 3 * config.columns - 1, 37 + 2 * mode, scale=Along.COLUMN, out=out),
        )
        for mode, out in zip(config.modes, (*config.modes[3:], *config.modes[:3]), strict=True)
    )


def _shapes(mode: Mode, config: NpeConfig) -> tuple[Case, ...]:
    """Return the shapes that have gone wrong before in one design or another."""
    long = config.panel_words * mode.lanes
    return (
        _case("1x1x1", _of(mode, 1, 1, 1)),
        _case("primes 13x17x31", _of(mode, 13, 17, 31, bias=Along.ROW)),
        _case("vector 1xNxK", _of(mode, 1, 43, 2 * long + 5, scale=Along.ROW)),
        _case("column Mx1xK", _of(mode, 29, 1, long, scale=Along.COLUMN)),
        _case("transposed", _of(mode, 11, 19, 23, transpose=True, out=config.modes[0])),
        _case("K cut", _of(mode, config.rows + 1, config.columns + 1, 3 * long + 1, scale=Along.ROW)),
        _case(
            "many row blocks", _of(mode, 2 * config.panels * config.rows + 1, 2 * config.columns + 1, 2 * mode.lanes)
        ),
    )


def sum_cases(config: NpeConfig) -> tuple[Case, ...]:
    """Return products of each format whose sums leave as FP32, and as INT32 if they are integers, straight and
    transposed."""
    m, n, k = 2 * config.rows + 1, 3 * config.columns - 1, 41
    return tuple(
        _case(
            f"{mode.label} to {out.label}",
            *(_of(mode, m, n, k, out=out, transpose=transpose, slack=-transpose) for transpose in (False, True)),
        )
        for mode in config.modes
        for out in SumFormat
        if out is SumFormat.FP32 or mode in INTEGER_MODES
    )


def decode_cases(mode: Mode, config: NpeConfig) -> tuple[Case, ...]:
    """Return products of one row block whose A stays on chip though K is cut, just so, and with one number more."""
    long, n = config.panel_words * mode.lanes, 2 * config.columns + 1
    return (
        _case("vector that fills all panels", _of(mode, 1, n, config.vector_chunks * long, scale=Along.COLUMN)),
        _case("vector that fits no more", _of(mode, 1, n, config.vector_chunks * long + 1), latency=40),
        _case("row block that fills its panels", _of(mode, config.rows, n, config.panels * long, out=mode)),
        _case("row block that fits no more", _of(mode, config.rows - 1, n, config.panels * long + 1)),
        _case("two vectors", _of(mode, 1, n, 2 * long + 1), _of(mode, 1, n, 3 * long - 1, scale=Along.ROW)),
    )


def _timings(job: Job) -> tuple[Case, ...]:
    """Return a product with memory near and far, fast and slow."""
    return (
        _case("latency 200", job, latency=200, write_latency=200),
        _case("rate 1/3", job, latency=5, rate=F(1, 3)),
        _case("rate 3/7, writes 2/9", job, latency=40, rate=F(3, 7), write_latency=7, write_rate=F(2, 9)),
        _case("slow writes", job, write_latency=100, write_rate=F(1, 8)),
    )


def _epilogues(config: NpeConfig) -> tuple[Case, ...]:
    """Return every part of the epilogue after the product, by itself and all together."""
    m, n, k = 2 * config.rows + 3, 2 * config.columns + 5, 45
    base = _of(Mode.INT8, m, n, k, scale=Along.ROW, out=Mode.BF16)
    cases: dict[str, dict] = {
        "scale by row": {},
        "scale by column": {"scale": Along.COLUMN},
        "bias by row": {"bias": Along.ROW},
        "bias by column": {"bias": Along.COLUMN},
        "relu": {"activation": Activation.RELU},
        "silu": {"activation": Activation.SILU},
        "gelu": {"activation": Activation.GELU},
        "residual bf16": {"residual": Mode.BF16},
        "residual posit8_0": {"residual": Mode.POSIT8_0, "slack": 1},
        "residual int4 in place": {"residual": Mode.INT4, "out": Mode.INT4, "in_place": True},
        "reductions": {"sum": True, "squares": True, "maximum": True, "m": 3 * config.panels * config.rows + 1},
        "maximum of one column": {"maximum": True, "n": 1},
        "requantise to posit16_1": {"out": Mode.POSIT16_1, "bias": Along.COLUMN},
        "special values": {
            "mode": Mode.BF16, "specials": True, "residual": Mode.FP8_E5M2, "sum": True, "maximum": True,
        },
        "scaled to fp32": {"out": SumFormat.FP32, "bias": Along.COLUMN, "squares": True},
        "everything to fp32": {
            "mode": Mode.BF16, "specials": True, "out": SumFormat.FP32, "bias": Along.ROW, "residual": Mode.BF16,
            "activation": Activation.SILU, "sum": True, "maximum": True, "transpose": True,
        },
        "everything": {
            "bias": Along.COLUMN, "residual": Mode.FP8_E4M3, "activation": Activation.GELU, "transpose": True,
            "sum": True, "squares": True, "maximum": True, "out": Mode.POSIT8_0, "slack": 2,
        },
    }  # fmt: skip
    made = [_case(name, replace(base, **options)) for name, options in cases.items()]
    first = replace(base, out=Mode.FP8_E4M3, bias=Along.ROW, activation=Activation.SILU)
    second = _of(Mode.FP8_E4M3, m, 9, n, chained=True, scale=Along.COLUMN, out=Mode.BF16)
    third = _of(Mode.INT4, 5, 7, 100, scale=Along.ROW)
    return (*made, _case("three jobs, the second on the first's result", first, second, third, latency=13))


_SMALL = NpeConfig(rows=2, columns=2, bus_bits=64, depth=8, panels=2)
_MIDDLE = NpeConfig(rows=4, columns=4, bus_bits=128, depth=16)
_TALL = NpeConfig(
    rows=8, columns=2, bus_bits=256, depth=8, panels=3, results_per_cycle=4, outstanding=2, max_burst=4,
    modes=parse_modes("int4,int8"),
)  # fmt: skip
_WIDE = NpeConfig(
    rows=2,
    columns=8,
    bus_bits=512,
    depth=4,
    results_per_cycle=1,
    outstanding=1,
    max_burst=1,
    address_bits=40,
    modes=parse_modes("posit8_0,bf16"),
)
_BROAD = NpeConfig(rows=8, columns=8, bus_bits=128, modes=parse_modes("int8"))
_LARGE = NpeConfig(rows=8, columns=8, bus_bits=128, modes=parse_modes("fp4_e2m1,int8,bf16"))

_ATTENTION = {"m": 128, "n": 512, "k": 2048}
SPEED = (
    _case("128x512x2048 fp4_e2m1", _of(Mode.FP4_E2M1, **_ATTENTION, scale=Along.ROW)),
    _case("64x64x1024 fp4_e2m1", _of(Mode.FP4_E2M1, 64, 64, 1024, scale=Along.ROW)),
    _case("64x64x1024 int8", _of(Mode.INT8, 64, 64, 1024, scale=Along.ROW)),
    _case("64x64x512 bf16", _of(Mode.BF16, 64, 64, 512, bias=Along.ROW)),
    _case(
        "128x2048x512 fp4_e2m1", _of(Mode.FP4_E2M1, 128, 2048, 512, scale=Along.COLUMN, out=Mode.BF16), latency=60,
        write_latency=60,
    ),
)  # fmt: skip
"""Products so large that the cycles before and after them do not count."""

LAST_BITS = _case(
    "a column to the last bit",
    _of(Mode.BF16, 1024, 1, 3, scale=Along.ROW, out=Mode.BF16, sum=True, squares=True, maximum=True),
)
"""A product whose scaled sums and their squares leave as FP32: formats of 16 bits hide the low bits of a multiplier."""

SQUARE = _case("64x64x64 int8", _of(Mode.INT8, 64, 64, 64))
"""A product whose tiles have as many words as cycles in which their elements leave: the array must not wait for one
tile to leave it."""

LIMITS = (
    _case("K 65535", _of(Mode.INT8, 1, 1, 65535, scale=Along.ROW)),
    _case("K 65535 to the largest sum", _of(Mode.INT8, 3, 3, 65535, out=SumFormat.INT32, lowest=True)),
    _case("K 65535 posit16_1", _of(Mode.POSIT16_1, 1, 3, 65535)),
    _case("N 65535", _of(Mode.INT4, 1, 65535, 3, slack=-1, scale=Along.COLUMN, sum=True, maximum=True)),
    _case("M 65535", _of(Mode.INT4, 65535, 1, 3, scale=Along.ROW, transpose=True)),
    _case("300 jobs", *[_of(Mode.INT8, 1, 1, 1)] * 300),
)
"""Products with the largest M, N and K, and more descriptors than a byte counts, for a memory of 1 MiB."""

DIRECTED = (
    *(
        _case(
            f"{mode.label} to every format",
            *(_of(mode, 3, 3, 2 * mode.lanes + 1, out=out, scale=Along.ROW) for out in _SMALL.modes),
        )
        for mode in _SMALL.modes
    ),
    *(
        _case(
            f"scale {scale.name}, every bias and activation",
            *(_of(Mode.INT8, 3, 3, 5, scale=scale, bias=bias, activation=f) for bias in Along for f in Activation),
        )
        for scale in Along
    ),
    _case("all rows of A are one row", _of(Mode.INT8, 5, 3, 20, slack=-2, scale=Along.COLUMN, bias=Along.ROW)),
)
"""Jobs that random ones seldom or never are, for the smallest NPE."""

SUITES = (
    NpeSuite(
        _SMALL,
        (
            *_formats(_SMALL),
            *_shapes(Mode.POSIT8_0, _SMALL),
            *_epilogues(_SMALL),
            *sum_cases(_SMALL),
            *decode_cases(Mode.INT8, _SMALL),
            *_timings(_of(Mode.INT8, 9, 7, 50, scale=Along.ROW)),
            LAST_BITS,
        ),
    ),
    NpeSuite(_MIDDLE, (*_epilogues(_MIDDLE), *_shapes(Mode.BF16, _MIDDLE), *decode_cases(Mode.POSIT8_0, _MIDDLE))),
    NpeSuite(
        _TALL,
        (
            *_shapes(Mode.INT4, _TALL),
            *decode_cases(Mode.INT8, _TALL),
            *sum_cases(_TALL),
            *_timings(_of(Mode.INT4, 50, 9, 300, out=Mode.INT8)),
        ),
    ),
    NpeSuite(
        _WIDE,
        (
            *_formats(_WIDE),
            *sum_cases(_WIDE),
            *_shapes(Mode.POSIT8_0, _WIDE),
            *_timings(_of(Mode.BF16, 9, 50, 300, residual=Mode.BF16, sum=True)),
        ),
    ),
    NpeSuite(_BROAD, (SQUARE,), optimisation="-O1"),
    NpeSuite(_LARGE, (*_shapes(Mode.INT8, _LARGE), *SPEED), 2048 * KIB, "-O1"),
)
"""Suites of the table; the last is the one whose speed is measured."""
