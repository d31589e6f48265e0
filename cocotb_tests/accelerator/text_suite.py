"""Texts that decoders write in RTL: every program of a text in one simulation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.program_suite import check_timing, timing_of
from tilewright.cocotb_tests.accelerator.suite import AcceleratorSuite, optimisation_for
from tilewright.mapping.models.readers import Checkpoint, read_model
from tilewright.mapping.models.sampling import Sampling
from tilewright.mapping.precision.calibration import Calibrated
from tilewright.mapping.precision.plans.planned import planned
from tilewright.mapping.writing import Writer
from tilewright.sim.config import System

COROUTINES = "tilewright.cocotb_tests.accelerator.cb_text"
"""Name of the module with the cocotb test that writes the text."""
WAIT_SECONDS = 0.1
"""Time between two looks at the tokens that the simulation has written."""


@dataclass(frozen=True, kw_only=True)
class TextJob:
    """Everything that decides what is written; goes to another process, which reads the model again."""

    model: Path
    system: System
    prompt: tuple[int, ...]
    tokens: int
    sampling: Sampling
    capacity: int | None = None
    equalise: bool = True
    """Whether the tensors are equalised on typical texts."""
    finest: bool = False
    """Whether activations are then FP32, and inputs of all products but ``o`` in parts."""
    plan: Path | None = None
    """File of a plan, whose rounded weights take the place of the model's."""

    def writer(self) -> Writer:
        """Return a writer before its first program, with the model read from its files."""
        return self.writer_of(read_model(self.model))

    def writer_of(self, checkpoint: Checkpoint) -> Writer:
        """Return a writer before its first program.

        Raises
        ------
        ConfigError
            If the model has no room for the text, the accelerator cannot run it, or the plan is for another model or
            array.
        """
        ends = checkpoint.tokenizer.ends if checkpoint.tokenizer else frozenset()
        if self.plan:
            checkpoint = replace(checkpoint, tensors=planned(self.plan, checkpoint, self.system))
        tensors = checkpoint.tensors
        if self.equalise:
            tensors = Calibrated(checkpoint, self.system.accelerator, finest=self.finest)
        return Writer(
            self.system.accelerator, checkpoint.model, tensors, self.prompt, tokens=self.tokens, ends=ends,
            sampling=self.sampling, capacity=self.capacity, rules=self.system.engine_rules,
        )  # fmt: skip

    @property
    def timing(self) -> Timing:
        """Timing of the system's main memory."""
        return timing_of(self.system)


def no_cases(config: object) -> tuple[()]:
    """Return no cases: the programs of a text follow from what the programs before them have written."""
    return ()


def text_suite(job: TextJob, memory_bytes: int) -> AcceleratorSuite:
    """Return the accelerator of a text in its harness.

    Raises
    ------
    ConfigError
        If the bench's memory does not have the timing of the system's.
    """
    config = job.system.accelerator
    check_timing(config, job.timing)
    return AcceleratorSuite(
        config=config,
        make_cases=no_cases,
        memory_bytes=memory_bytes,
        label="text",
        optimisation=optimisation_for(config),
    )


def write_in_rtl(
    suite: AcceleratorSuite,
    job: TextJob,
    *,
    timeline: bool,
    waves: Path | None,
    token: Callable[[int], None],
) -> list[dict[str, Any]]:
    """Write a text in one simulation; return a row for each program, and call ``token`` with each token as it comes.

    Raises
    ------
    BenchError
        If a program does not end, or breaks a rule of the bus.
    """
    with TemporaryDirectory(prefix="tilewright-") as name:
        tokens = Path(name) / "tokens"
        tokens.touch()
        ended = Event()
        watcher = Thread(target=_watch, args=(tokens, token, ended), daemon=True)
        watcher.start()
        try:
            return suite.simulate(
                "write", coroutines=COROUTINES, waves=waves, job=job, timeline=timeline, tokens=str(tokens)
            )
        finally:
            ended.set()
            watcher.join()


def _watch(file: Path, token: Callable[[int], None], ended: Event) -> None:
    """Call ``token`` with each token that is added to a file, a line each, until the event and the file's end."""
    with file.open() as lines:
        part, last = "", False
        while not last:
            last = ended.wait(WAIT_SECONDS)
            part += lines.read()
            *whole, part = part.split("\n")
            for line in whole:
                token(int(line))
