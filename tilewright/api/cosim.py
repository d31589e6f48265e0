"""Runs RTL under Verilator beside its exact model."""

import importlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tilewright.api.cosims import COSIMS
from tilewright.api.programs import Program
from tilewright.base import tools
from tilewright.base.cache import require_cache
from tilewright.base.errors import ConfigError, suggest
from tilewright.base.files import write_json
from tilewright.base.reading import read_text
from tilewright.base.tool_runs import time_limit
from tilewright.cocotb_tests.harness.foreign import ForeignDesign, read_foreign
from tilewright.cocotb_tests.harness.rtl_coverage import files_of
from tilewright.cocotb_tests.harness.run_options import ALL_CASES, CoverageFiles, RunOptions, Waves
from tilewright.cocotb_tests.harness.signal_list import signal_list_of
from tilewright.cocotb_tests.harness.structure import modules_of
from tilewright.cocotb_tests.harness.suite import Suite
from tilewright.cocotb_tests.harness.wave_format import wave_format
from tilewright.cocotb_tests.runner import run_suites
from tilewright.sim.config import System

PROGRAM_RUNNER = "accelerator"
"""Name of the co-simulation that can run any program."""


@dataclass(frozen=True)
class CosimResult:
    """Result of a co-simulation."""

    name: str
    """Name of the co-simulation."""
    designs: int
    """Number of designs that were built."""
    verilog: tuple[str, ...]
    """Files of the circuit that ran instead of the generated one, if there are any."""
    cases: tuple[dict[str, Any], ...]
    """Row of each case: ``name``, ``rtl_cycles``, ``model_cycles``, ``values``, ``mismatches`` and more."""

    @property
    def passed(self) -> bool:
        """Whether RTL and exact model agree in every value, cycle and counter."""
        return not any(
            case["mismatches"] or case["rtl_cycles"] != case["model_cycles"] or case.get("found") for case in self.cases
        )

    @property
    def wave_files(self) -> tuple[Path, ...]:
        """Wave files of the cases, each with its list of signals for GTKWave."""
        files = dict.fromkeys(Path(case["waves"]) for case in self.cases if "waves" in case)
        return tuple(path for waves in files for path in (waves, signal_list_of(waves)))

    @property
    def coverage_files(self) -> tuple[Path, ...]:
        """Files of the coverage of each design: a summary, a tracefile of lcov, and the Verilog with its lines."""
        summaries = dict.fromkeys(Path(case["coverage"]) for case in self.cases if "coverage" in case)
        return tuple(path for summary in summaries for path in files_of(summary))

    @property
    def coverage(self) -> tuple[dict[str, Any], ...]:
        """Coverage of each design's RTL: ``design``, and points and hits of ``blocks``, ``toggles``, streams."""
        return tuple(json.loads(read_text(path)) for path in self.coverage_files if path.suffix == ".json")

    def to_dict(self) -> dict:
        """Return the result as ``tilewright cosim --json`` prints it."""
        parts = {"verilog": list(self.verilog), "coverage": list(self.coverage)}
        present = {name: value for name, value in parts.items() if value}
        return {"cosim": self.name, "designs": self.designs, **present, "cases": list(self.cases)}

    def write(self, folder: Path) -> list[Path]:
        """Write cosim-NAME.json to a folder; return its path.

        Raises
        ------
        ConfigError
            If the file cannot be written.
        """
        return [write_json(folder / f"cosim-{self.name}.json", self.to_dict())]


def cosim(
    what: str | Program,
    *,
    design: str | None = None,
    jobs: int | None = None,
    case: str | None = None,
    seed: int | None = None,
    waves: Path | str | None = None,
    coverage: Path | str | None = None,
    verilog: Sequence[Path | str] = (),
) -> CosimResult:
    """Run RTL under Verilator beside its exact model, as ``tilewright cosim`` does.

    Verilated models are kept and used again.

    Parameters
    ----------
    what : str or Program
        Name of a co-simulation, from ``tilewright list``, or a program for the accelerator.
    design : str, optional
        Text in the names of the only designs to run.
    jobs : int, optional
        Number of designs that run at a time; by default all cores.
    case : str, optional
        Name of the only case to run.
    seed : int, optional
        Seed of the random numbers in the cases, instead of the usual one.
    waves : Path or str, optional
        Folder for wave files, one for each simulation, in FST where it can be written, else in VCD.
    coverage : Path or str, optional
        Folder for what Verilator counts in each design: blocks of its text that run, bits that toggle, streams that
        move and that wait; without ``waves``.
    verilog : sequence of Path or str
        Files of a circuit that runs instead of the generated one and has the same ports: edited text, a mutant or a
        netlist. One design must be chosen.

    Raises
    ------
    ConfigError
        If there is no such co-simulation, design or case, nothing in it is random, the circuit cannot be read or has
        other ports, or a tool is missing.
    BenchError
        If a case does not end, or breaks a rule that no row can tell; ``files`` are its wave files.
    """
    if isinstance(what, Program):
        for name, value in (("design", design), ("case", case), ("seed", seed)):
            if value is not None:
                raise ConfigError(f"{name} = {value!r} is not allowed with a program: its system says what it runs on")
    name = PROGRAM_RUNNER if isinstance(what, Program) else what
    chosen = [program_suite_of(what)] if isinstance(what, Program) else suites(what, design, case=case, seed=seed)
    options = run_options(name, chosen, case=case, waves=waves, coverage=coverage, verilog=verilog)
    return run_cosim(name, chosen, jobs=jobs, options=options)


def run_options(
    name: str,
    chosen: Sequence[Suite],
    *,
    case: str | None = None,
    waves: Path | str | None = None,
    coverage: Path | str | None = None,
    verilog: Sequence[Path | str] = (),
) -> RunOptions:
    """Return the options of a run of suites of the co-simulation ``name``; folders are made if necessary.

    Raises
    ------
    ConfigError
        If a tool is missing, the folder cannot be written, or the circuit in ``verilog`` cannot run in the suites.
    """
    if waves is not None and coverage is not None:
        raise ConfigError(f"coverage: {coverage} is not allowed with waves: each has a model of its own")
    options = RunOptions(case=case)
    if verilog:
        options = replace(options, foreign=foreign_design(chosen, options, [Path(file) for file in verilog]))
    if waves is not None:
        options = replace(options, waves=Waves(writable_folder("waves", waves), name, wave_format()))
    if coverage is not None:
        options = replace(options, coverage=CoverageFiles(writable_folder("coverage", coverage), name))
    return options


def writable_folder(field: str, path: Path | str) -> Path:
    """Return a folder that is made if necessary and can be written.

    Raises
    ------
    ConfigError
        If it cannot; names the field.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(f"{field}: {folder.absolute()} cannot be written: {error.strerror}") from error
    return folder


def foreign_design(chosen: Sequence[Suite], options: RunOptions, files: Sequence[Path]) -> ForeignDesign:
    """Return a circuit in Verilog that can run in the only suite that is chosen.

    Raises
    ------
    ConfigError
        If there are several suites, or the circuit cannot be read or has other ports.
    """
    if len(chosen) > 1:
        names = "; ".join(suite.name for suite in chosen)
        raise ConfigError(f"verilog: a design must be chosen, one of: {names}")
    foreign = read_foreign(files, chosen[0].usual_name)
    bench = chosen[0].harness(options)
    verilog = bench.verilog()
    foreign.check(modules_of(verilog)[bench.subject].ports)
    foreign.put_in(verilog, bench.subject)
    return foreign


def suites(
    name: str, design: str | None = None, *, case: str | None = None, seed: int | None = None
) -> Sequence[Suite]:
    """Return the suites of a co-simulation whose names contain a text and which have a case, or all of them.

    With ``seed`` their cases have other random numbers.

    Raises
    ------
    ConfigError
        If there is no such co-simulation, design or case, or nothing in it is random.
    """
    if name not in COSIMS:
        raise ConfigError(f"unknown co-simulation '{name}'{suggest(name, COSIMS)}")
    table: tuple[Suite, ...] = importlib.import_module(COSIMS[name].module).SUITES
    found = tuple(suite for suite in table if design is None or design in suite.name)
    if not found:
        raise ConfigError(f"unknown design '{design}'{suggest(design or '', [suite.name for suite in table])}")
    if seed is not None:
        random = tuple(other for suite in found if (other := suite.seeded(seed)) is not None)
        if not random:
            raise ConfigError(f"seed = {seed} is not allowed with '{name}': nothing in its cases is random")
        found = random
    if case is not None:
        names = [suite.case_names() for suite in found]
        found = tuple(suite for suite, of_suite in zip(found, names, strict=True) if case in of_suite)
        if not found:
            raise ConfigError(f"unknown case '{case}'{suggest(case, set(chain.from_iterable(names)))}")
    return found


def program_suite_of(program: Program) -> Suite:
    """Return the suite that runs a program."""
    from tilewright.bench.timing import Timing
    from tilewright.cocotb_tests.accelerator.program_suite import program_suite

    return program_suite(
        program.config,
        name=program.file.name,
        memory=program.memory,
        address=program.address,
        commands=program.commands,
        timing=Timing(**program.memory_timing),
        max_cycles=program.max_cycles,
    )


def model_suite_of(
    what: str, model: str, system: System, *, layer: int = 0, tokens: int, plan: Path | None = None
) -> Suite:
    """Return the suite that runs a ``layer`` of a user's model, or the whole ``model``, on a system.

    With a plan, its rounded weights take the place of the model's.

    Raises
    ------
    ConfigError
        If there is no such model or layer, the system or memory of the bench is too small for it, or the plan is for
        another model or array.
    """
    from tilewright.cocotb_tests.accelerator.model_suites import decoder_suite, layer_suite

    if what == "layer":
        return layer_suite(model, system, layer=layer, tokens=tokens, plan=plan)
    return decoder_suite(model, system, tokens=tokens, plan=plan)


def find_tools() -> None:
    """Look for the tools of a co-simulation, and for a cache folder and a time limit for them.

    Raises
    ------
    ConfigError
        If one is missing; says how to get it.
    """
    for find in (tools.find_verilator, tools.find_compiler, tools.find_make, tools.find_libpython):
        find()
    require_cache()
    time_limit()


def run_cosim(
    name: str,
    chosen: Sequence[Suite],
    *,
    jobs: int | None = None,
    options: RunOptions = ALL_CASES,
    done: Callable[[str], None] | None = None,
) -> CosimResult:
    """Run suites of the co-simulation ``name``; call ``done`` with the name of each that ends.

    Raises
    ------
    ConfigError
        If a tool is missing.
    BenchError
        If a case does not end, or breaks a rule that no row can tell.
    """
    find_tools()
    rows: dict[str, list[dict]] = {}
    for suite, found in run_suites(chosen, jobs or len(os.sched_getaffinity(0)), options):
        rows[suite.name] = found
        if done:
            done(suite.name)
    files = tuple(map(str, options.foreign.files)) if options.foreign else ()
    return CosimResult(name, len(chosen), files, tuple(row for suite in chosen for row in rows[suite.name]))
