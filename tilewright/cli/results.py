"""Result files that commands write and `report` and `compare` read: the fields that they need, and their checks."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tilewright.base.errors import ConfigError, first_problem, shown
from tilewright.base.reading import Keys, read_json
from tilewright.sim.estimate.bounds import ARRAY_BOUNDS, BOUNDS, NPE

Count = Annotated[int, Field(ge=0, le=1 << 63)]
Number = Annotated[float, Field(ge=0, le=1e30)]


class _Result(BaseModel):
    """Part of a result file; other fields are allowed."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, protected_namespaces=(), strict=True)


class _Step(_Result):
    step: str
    units: list[str]
    cycles: Count
    commands: Count
    macs: Count
    energy_j: Number | None = None


class _EnergyFigure(_Result):
    joules: Number
    pj_per_event: Number
    source: str


class _EnergyItem(_EnergyFigure):
    name: str
    unit: str
    low: _EnergyFigure | None = None
    high: _EnergyFigure | None = None


class _Range(_Result):
    low: Number
    mid: Number
    high: Number


class _RefusedChunk(_Result):
    tokens: Count
    cause: str
    bytes_moved_again: int
    cycles_moving_again: int


class _Wait(_Result):
    unit: str
    step: str
    cycles: Count


class _PaddedHeads(_Result):
    head_dim: Count
    key_room: Count
    value_room: Count
    bytes: Count
    macs: Count


class _UnitArea(_Result):
    unit: str
    area_um2: Number
    macros_um2: Number
    leakage_uw: Number
    flip_flops: Count
    gated_flip_flops: Count
    clock_pj: Number
    idle_clock_pj: Number
    extrapolated: list[str]


class _Area(_Result):
    process: str
    units: list[_UnitArea]
    not_counted: list[str]
    extrapolated: list[str]


class MapFile(_Result):
    """Fields that a report needs of ``map.json``."""

    model: str
    system: str
    phase: str
    tokens: Count
    context: Count
    clock_mhz: Annotated[Number, Field(gt=0)]
    cycles: Annotated[Count, Field(gt=0)]
    unit_cycles: dict[str, Count]
    tokens_per_s: Number
    macs: Count
    dram_bytes: Count
    dram_bound_cycles: Count
    dram_peak_cycles: Count | None = None
    compute_bound_cycles: Count
    bounds: dict[str, Count] = {}
    binding: str = ""
    bound_fraction: Number
    waits: list[_Wait] = []
    energy_j: Number
    energy_range_j: _Range | None = None
    tokens_per_j: _Range | None = None
    energy: list[_EnergyItem]
    steps: list[_Step]
    chunks: Annotated[list[Count], Field(min_length=1)] = [1]
    refused_chunk: _RefusedChunk | None = None
    padded_heads: _PaddedHeads | None = None
    area_mm2: Number | None = None
    leakage_mw: Number | None = None
    clock_mw: Number | None = None
    idle_clock_mw: Number | None = None
    area: _Area | None = None

    @field_validator("bounds")
    @classmethod
    def _of_every_resource(cls, value: dict[str, int]) -> dict[str, int]:
        found, without_array = set(value), set(BOUNDS) - set(ARRAY_BOUNDS) | {NPE}
        if value and found - {NPE} != set(BOUNDS) and found != without_array:
            raise ValueError(f"{shown(value)} is not allowed: it must have {', '.join(BOUNDS)}")
        return value


class _Case(_Result):
    name: str
    rtl_cycles: Count
    model_cycles: Count
    values: Count
    mismatches: Count
    found: str | None = None
    latency: str | Count | None = None
    bytes_per_cycle: Number | None = None
    utilisation: Number | None = None
    cosine: Annotated[float, Field(ge=-1.001, le=1.001)] | None = None


class CosimFile(_Result):
    """Fields that a report needs of ``cosim-NAME.json``."""

    cases: Annotated[list[_Case], Field(min_length=1)]


class _Timing(_Result):
    latency_cycles: Count
    cycles_per_vector: Count | None = None
    macs_per_cycle: Number | Annotated[dict[str, Number], Field(min_length=1)] | None = None


class PortsFile(_Result):
    """Fields that a report needs of ``MODULE.ports.json``."""

    module: str
    timing: _Timing


class _Target(_Result):
    """Process for which figures were estimated."""

    node_nm: Number
    voltage_v: Number


class _Scaled(_Result):
    """Figures that are estimates for another process."""

    to: _Target
    area_um2: Number | None
    path_ns: Number | None
    internal_uw: Number | None
    switching_uw: Number | None
    remark: str


class _Macro(_Result):
    name: str
    words: Count
    width: Count
    two_ports: bool
    leakage_uw: Number | None
    read_pj: Number | None
    write_pj: Number | None
    setup_ns: float | None
    access_ns: float | None


class _Library(_Result):
    names: Annotated[list[str], Field(min_length=1)]
    cells: Count
    time_unit: str
    voltage_v: Number
    temperature_c: float | None
    process: float | None
    macros: list[_Macro] = Field(default_factory=list)


class SynthFile(_Result):
    """Fields that a report needs of ``MODULE.synth.json``."""

    block: str
    configuration: dict
    lut: Count | None
    ff: Count | None
    cells: Count | None
    area_um2: Number | None
    macros_um2: Number | None = None
    macros_leakage_uw: Number | None = None
    macros: dict[str, Count] = Field(default_factory=dict)
    flip_flops: Count | None = None
    clock_gates: Count | None = None
    gated_flip_flops: Count | None = None
    path_ns: Number | None
    power_uw: Number | None
    internal_uw: Number | None = None
    switching_uw: Number | None = None
    leakage_uw: Number | None = None
    clock_pins_uw: Number | None = None
    clock_idle_uw: Number | None = None
    clock_tree_uw: Number | None = None
    clock_tree: str | None = None
    power_lacks: dict[str, list[str]] = Field(default_factory=dict)
    power_clock_mhz: Number
    power_activity: Number
    power_output_load_ff: Number = 0
    internal_factor: Number | None = None
    primitives: dict[str, Count]
    tools: dict[str, str]
    liberty: str | None
    library: _Library | None = None
    scaled: _Scaled | None = None
    missing: list[str]


class RunFile(_Result):
    """Fields that a comparison needs of ``run.json``, the result of a program."""

    program: str
    system: str
    error: str | None
    cycles: Count
    seconds: Number
    counters: dict[str, Count]


class _Workload(_Result):
    workload: str
    seconds: Number
    speedup: Number


class PredictFile(_Result):
    """Fields that a comparison needs of ``cpu-predict.json``."""

    core: str
    clocks: dict[str, Number]
    workloads: list[_Workload]


def read_result(model: type[BaseModel], path: Path) -> dict:
    """Return the content of a result file that has the fields of ``model``.

    Raises
    ------
    ConfigError
        If it cannot be read, or lacks a field, or a field has a value that is not allowed; names file, line and field.
    """
    parsed = read_json(path)
    try:
        model.model_validate(parsed.value)
    except ValidationError as error:
        location, problem = first_problem(error)
        keys = _keys(parsed.value, location)
        field = ".".join(map(str, keys))
        if problem == "missing":
            problem = f"'{field}' is missing"
        elif keys:
            problem = f"{field} = {problem}"
        raise ConfigError(f"{parsed.where(keys)}: {problem}") from error
    return parsed.value


def _keys(value: object, location: Keys) -> list[str | int]:
    """Return the keys of a location in a file, without what pydantic adds: names of the alternatives of a type."""
    keys: list[str | int] = []
    for key in location:
        if (isinstance(value, dict) and key in value) or (isinstance(value, list) and isinstance(key, int)):
            value = value[key]  # type: ignore[index]
        elif not (isinstance(value, dict) and key == location[-1] and isinstance(key, str) and key.isidentifier()):
            continue
        keys.append(key)
    return keys
