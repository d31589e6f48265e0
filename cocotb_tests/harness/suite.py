"""Suites: a circuit under test in its harness, and the cases that run on it."""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.harness.foreign import ForeignDesign
from tilewright.cocotb_tests.harness.job import Job
from tilewright.cocotb_tests.harness.rtl_coverage import Record, with_stream_counts
from tilewright.cocotb_tests.harness.run_options import ALL_CASES, RunOptions, case_names, with_files
from tilewright.cocotb_tests.harness.shared_modules import compiled_once
from tilewright.cocotb_tests.harness.signal_list import signal_list_of, write_signal_list
from tilewright.cocotb_tests.harness.structure import instances_of, modules_of
from tilewright.cocotb_tests.harness.value_names import with_texts
from tilewright.cocotb_tests.harness.wave_format import WaveFormat, format_of
from tilewright.hw.names import module_name

Edit = Callable[[str], str]
"""A change of Verilog before it is built, which plants faults."""


class Suite(Protocol):
    """A circuit in its harness, with the cases that make its rows of a table of ``tilewright cosim``.

    Suites travel to other processes: functions in their fields must be found by name.
    """

    @property
    def name(self) -> str:
        """Name of the circuit in tables."""

    @property
    def effort(self) -> float:
        """Relative duration of a run: the longest runs are started first."""

    def verilog(self) -> str:
        """Return the circuit in its harness as Verilog."""

    def cases(self) -> Sequence[Any]:
        """Return the cases of the table."""

    def case_names(self) -> Sequence[str]:
        """Return the names by which a user chooses a case."""

    def seeded(self, seed: int) -> "Suite | None":
        """Return the suite with other random numbers in its cases, or nothing if it has none."""

    @property
    def usual_name(self) -> str:
        """Name of the circuit's module in a text of a user's; empty if it has no usual one."""

    def harness(self, options: RunOptions) -> "Bench":
        """Return the bench in which a circuit of a user's can take the place of the generated one.

        Raises
        ------
        ConfigError
            If the options leave more than one circuit.
        """

    def run(self, options: RunOptions = ALL_CASES) -> list[dict]:
        """Build the circuit and run the cases; return a row of the table for each.

        A row has at least ``name``, ``values``, ``mismatches``, ``rtl_cycles`` and ``model_cycles``, and ``waves`` and
        ``coverage`` if there are such files.

        Raises
        ------
        BenchError
            If a case does not end, or breaks a rule that no row can tell.
        """


class Bench(ABC):
    """A circuit in a harness, and the cocotb tests that drive it.

    Members
    -------
    top : str
        Name of the harness's module.
    coroutines : str
        Module of the cocotb tests.
    config
        Configuration of the circuit, which the cocotb tests get.
    optimisation : str
        Option of the C++ compiler.
    peephole : bool
        Whether Verilator looks for small expressions that others can replace.
    activity : bool
        Whether the model can count how often each net toggles.
    circuit : str
        Name of the module that is the circuit, without the part before it that makes it private to the harness.
    """

    top: str
    coroutines: str
    config: Any
    optimisation: str = "-O0"
    peephole: bool = True
    activity: bool = False
    circuit: str = ""

    @property
    def subject(self) -> str:
        """Name of the module of the harness's Verilog that is the circuit."""
        return module_name(self.top, self.circuit)

    @abstractmethod
    def verilog(self) -> str:
        """Return the circuit in its harness as Verilog."""

    def repeated(self) -> Sequence[str]:
        """Return the names, in the form of ``circuit``, of modules of which the circuit has many instances."""
        return ()

    def options(self) -> dict[str, Any]:
        """Return the options that cocotb tests need besides configuration and cases."""
        return {}

    def prepared(self, verilog: str) -> str:
        """Return Verilog that the simulator runs faster, with the same contents in all registers in all cycles."""
        return verilog

    def traced(self, verilog: str) -> str:
        """Return Verilog that is built faster, and in which every signal has its own value in all cycles."""
        modules = [name for name in modules_of(verilog) if name.partition("__")[2] in self.repeated()]
        return compiled_once(verilog, modules)

    def covered(self, verilog: str) -> list[tuple[str, ...]]:
        """Return the paths of the instances whose coverage counts: those of the circuit."""
        return [path for path, module in instances_of(verilog, self.top) if module.name == self.subject]

    def build(
        self,
        edit: Edit | None = None,
        *,
        waves: WaveFormat | None = None,
        coverage: bool = False,
        foreign: ForeignDesign | None = None,
    ) -> Path:
        """Return the Verilated model, from the cache if it is there.

        Parameters
        ----------
        edit, foreign
            As for :meth:`simulate`.
        waves : WaveFormat, optional
            Form of the wave file that the model can write.
        coverage : bool
            Whether the model counts what happens.
        """
        verilog = self.simulated(edit, waves=waves is not None, coverage=coverage, foreign=foreign)
        return runner.build(
            verilog, self.top, optimisation=self.optimisation, peephole=self.peephole, activity=self.activity,
            waves=waves, coverage=coverage,
        )  # fmt: skip

    def simulated(
        self,
        edit: Edit | None = None,
        *,
        waves: bool = False,
        coverage: bool = False,
        foreign: ForeignDesign | None = None,
    ) -> str:
        """Return the Verilog that the simulator gets.

        For waves it has the names of values as text, for coverage statements that count streams.

        Faults are planted in the text first, so that what is prepared has them, too.
        """
        verilog = edit(self.verilog()) if edit else self.verilog()
        if foreign:
            verilog = foreign.put_in(verilog, self.subject)
        if waves:
            verilog = with_texts(verilog)
        if coverage:
            verilog = with_stream_counts(verilog)
        # Clock gates suit the registers of generated text alone.
        return self.traced(verilog) if waves or coverage or foreign else self.prepared(verilog)

    def simulate(
        self,
        testcase: str | Sequence[str],
        cases: Sequence[Any] = (),
        *,
        coroutines: str | None = None,
        seed: int = 1,
        edit: Edit | None = None,
        fault: int = 0,
        toggles: Path | None = None,
        waves: Path | None = None,
        record: Record | None = None,
        foreign: ForeignDesign | None = None,
        **options: Any,
    ) -> list[dict]:
        """Build the circuit and run cocotb tests on some cases; return the rows that they leave.

        Parameters
        ----------
        coroutines : str, optional
            Other modules of cocotb tests, with commas between them.
        edit : callable, optional
            Plants faults in the Verilog before it is built.
        fault : int
            Number of the planted fault that is in force, 0 for none.
        toggles : Path, optional
            File for the number of toggles of each net; needs a model with ``activity``.
        waves : Path, optional
            Wave file, whose suffix says its form; a list of its signals for GTKWave is written beside it.
        record : Record, optional
            Record to which the coverage of the simulation is added; without waves.
        foreign : ForeignDesign, optional
            Circuit to simulate instead of the generated one.
        options
            What the test needs, besides :meth:`options`.

        Raises
        ------
        BenchError
            If a test fails.
        """
        job = Job(config=self.config, cases=cases, seed=seed, options={**self.options(), **options})
        model = self.build(
            edit, waves=format_of(waves) if waves else None, coverage=record is not None, foreign=foreign
        )  # fmt: skip
        try:
            with tempfile.TemporaryDirectory(prefix="tilewright-") as folder:
                counts = Path(folder) / "coverage.dat" if record else None
                rows = runner.run_job(
                    model, self.top, coroutines or self.coroutines, job, testcase=testcase, fault=fault,
                    activity=toggles, waves=waves, coverage=counts,
                )  # fmt: skip
                if record and counts:
                    verilog = self.simulated(edit, coverage=True, foreign=foreign)
                    record.add(counts.read_text(), verilog, self.covered(verilog))
            return rows
        except runner.BenchError as error:
            error.files = (waves, signal_list_of(waves)) if waves else ()
            raise
        finally:
            if waves and waves.exists():
                verilog = self.simulated(edit, waves=True, foreign=foreign)
                write_signal_list(signal_list_of(waves), verilog, self.top, waves)


class HarnessSuite(Bench):
    """A suite whose cases all run on one harness, in one simulation.

    One of its cocotb tests, ``table``, returns a row for each case.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the circuit in tables."""

    @abstractmethod
    def cases(self) -> Sequence[Any]:
        """Return the cases of the table."""

    def case_names(self) -> list[str]:
        """Return the names by which a user chooses a case."""
        return case_names(self.cases())

    def seeded(self, seed: int) -> "HarnessSuite | None":
        """Return the suite with other random numbers in its cases, or nothing if it has none."""
        return None

    @property
    def usual_name(self) -> str:
        """Name of the circuit's module in a text of a user's."""
        return self.circuit

    def harness(self, options: RunOptions) -> "HarnessSuite":
        """Return the bench in which a circuit of a user's can take the place of the generated one: this one."""
        return self

    def run(self, options: RunOptions = ALL_CASES) -> list[dict]:
        """Build the circuit and run the cases; return a row of the table for each."""
        cases = self.cases()
        waves, record = options.wave_file(self.name), options.record(self.name)
        rows = self.simulate(
            "table", options.chosen(case_names(cases), cases), waves=waves, record=record, foreign=options.foreign
        )  # fmt: skip
        return [with_files({**row, "name": f"{self.name}: {row['name']}"}, waves, record) for row in rows]
