"""Signals and streams: whatever ends a command or its output, there is one line at most and nothing is left."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import alive, ends

TILEWRIGHT = (sys.executable, "-m", "tilewright")
MAP = ("map", "llama-3.2-1b", "--context", ",".join(str(4096 - tokens) for tokens in range(40)))
"""A command that works for many seconds, on any machine, unless a signal ends it."""
LISTS = (("list",), ("list", "--json"), ("--help",), ("schema",), ("program", "fields"), ("doctor", "--json"))


def start(*arguments: str, **more) -> subprocess.Popen:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True, **more}
    return subprocess.Popen([*TILEWRIGHT, *arguments], text=True, **options)


def said_after(process: subprocess.Popen, number: int, seconds: float) -> tuple[int, str]:
    """Send a signal to all processes of a command after a time; return its status and its standard error."""
    time.sleep(seconds)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def caught(process: int) -> int:
    """Return a bit mask of the signals that a process deals with itself."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("SigCgt:")[1].split()[0], 16)


@pytest.mark.parametrize("moment", range(6))
def test_an_interrupt_at_any_moment_is_one_line(moment, tmp_path):
    random.seed(moment)
    # Before any line of the program Python itself starts, in the first tenths of a second of an idle machine.
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", ""], check=True)
    own = max(0.3, 3 * (time.monotonic() - begin))
    status, err = said_after(start(*MAP, "--out", str(tmp_path / "out")), signal.SIGINT, own + random.random() * 1.2)
    assert (status, err) == (130, "tilewright: interrupted\n")
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_have_a_line_too(number):
    process = start(*MAP)
    # From the first of these lines of the program on; until then the system's own way to end a process is in force.
    while not caught(process.pid) >> (number - 1) & 1:
        time.sleep(0.01)
    assert said_after(process, number, random.random()) == (128 + number, f"tilewright: ended by {number.name}\n")


DROPPED = """
import os, signal, tilewright.cli as cli
def works(_):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        pass
    while True:
        pass
cli._status = works
cli.main()
"""
"""A command in which something drops the exception that a signal raises, as compiled code does now and then."""


def test_a_signal_ends_a_command_that_drops_its_exception():
    result = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (143, "tilewright: ended by SIGTERM\n")


TURNED = """
import os, signal, tilewright.cli as cli
def works(_):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException as error:
        raise NameError("a module that is half imported") from error
cli._status = works
cli.main()
"""
"""A command in which something turns the exception that a signal raises into another."""


def test_a_signal_ends_a_command_that_fails_because_of_it():
    result = subprocess.run([sys.executable, "-c", TURNED], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (130, "tilewright: interrupted\n")


def hanging(folder: Path) -> dict[str, str]:
    """Return an environment in which the C++ compiler hangs; the file ``started`` has its process."""
    program = folder / "g++"
    program.write_text(
        f"#!/bin/sh\n[ $1 = --version ] && echo 12.2 && exit\necho $$ >> {folder}/started\nexec sleep 1000\n"
    )
    program.chmod(0o755)
    return {**os.environ, "CXX": str(program), "TILEWRIGHT_CACHE": str(folder / "cache")}


PATIENCE_SECONDS = 240
"""Longest time in which a process starts a compiler or ends, on a machine that has much else to do."""
# A shell starts what runs in its background with SIGINT ignored, which is inherited.
BUILD = (
    "import signal\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from tilewright.cocotb_tests.runner import build\n"
    "build('module top(input clk, output reg q); always @(posedge clk) q <= ~q; endmodule', 'top')\n"
)


def compilers(folder: Path) -> list[int]:
    """Return the processes of a hanging compiler, as soon as there are any."""
    deadline, started = time.monotonic() + PATIENCE_SECONDS, folder / "started"
    # The shell makes the file before it writes a line to it.
    while not (started.exists() and started.read_text().endswith("\n")) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [int(line) for line in started.read_text().split()] if started.exists() else []


@pytest.mark.cosim
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_tool_that_hangs_ends_with_the_command(number, tmp_path):
    with subprocess.Popen([sys.executable, "-c", BUILD], env=hanging(tmp_path), stderr=subprocess.DEVNULL) as process:
        try:
            assert compilers(tmp_path)
            process.send_signal(number)
            process.wait(PATIENCE_SECONDS)
        finally:
            # What is left of a test that fails must not disturb the next one.
            process.kill()
    assert all(ends(pid, 20) for pid in compilers(tmp_path))
    left = {path.suffix for path in (tmp_path / "cache" / "verilated").iterdir()}
    assert left == ({".part", ".lock"} if number == signal.SIGKILL else set())


@pytest.mark.cosim
def test_a_tool_that_hangs_ends_at_its_limit(tmp_path):
    env = {**hanging(tmp_path), "TILEWRIGHT_TOOL_SECONDS": "2"}
    result = subprocess.run([sys.executable, "-c", BUILD], env=env, capture_output=True, text=True)
    last = result.stderr.splitlines()[-1]
    assert "ToolError: make was ended after 2 s (/" in last
    assert "set TILEWRIGHT_TOOL_SECONDS to let it take longer" in last
    assert not any(map(alive, compilers(tmp_path)))


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", LISTS, ids=" ".join)
def test_a_full_output_is_one_line(arguments, unbuffered):
    with Path("/dev/full").open("w") as full:
        process = start(*arguments, stdout=full, env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
        _, err = process.communicate()
    assert process.returncode == 2
    assert err == "tilewright: error: standard output or a temporary file: No space left on device\n"


@pytest.mark.parametrize("arguments", LISTS, ids=" ".join)
def test_a_reader_that_goes_away_is_no_error(arguments):
    process = start(*arguments)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (0, "")
    process.stderr.close()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_error(closed, tmp_path):
    text = tmp_path / "good.asm"
    text.write_text(".lanes 16\nend\n")
    command = f"{sys.executable} -m tilewright program assemble good.asm -o good.bin {closed}"
    result = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "good.bin").stat().st_size == 64


def test_an_error_that_cannot_be_told_keeps_its_status():
    with Path("/dev/full").open("w") as full:
        process = start("mpa", stderr=full)
        process.communicate()
    assert process.returncode == 2


def test_a_terminal_without_these_characters_gets_their_escapes():
    result = subprocess.run(
        [*TILEWRIGHT, "list"], env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
