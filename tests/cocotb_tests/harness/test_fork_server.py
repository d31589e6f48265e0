"""Jobs as forks of one simulation: each begins anew, none harms the next, and all end with the process that asks."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tilewright.base.errors import ToolError
from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.harness.job import Job

pytestmark = pytest.mark.cosim

VERILOG = """
module counter(input clk, output reg [7:0] count);
    initial count = 3;
    always @(posedge clk) count <= count + 1;
endmodule
"""
BENCH = """
import os, time
import cocotb
from cocotb.triggers import Timer
from tilewright.cocotb_tests.harness.job import received, return_rows

imported = []

@cocotb.test()
async def count(dut):
    job = received()
    imported.append(job.seed)
    await Timer(1, unit="ns")
    before = int(dut.count.value)
    for _ in range(job.seed):
        for level in (0, 1):
            dut.clk.value = level
            await Timer(1, unit="ns")
    row = {"before": before, "after": int(dut.count.value), "imported": imported, "server": os.getppid()}
    return_rows([{**row, "here": os.getcwd(), "fault": open("chosen_fault").read()}])

@cocotb.test()
async def crash(dut):
    os.abort()

@cocotb.test()
async def hang(dut):
    with open(received().options["file"], "w") as file:
        file.write(f"{os.getpid()} {os.getppid()}\\n")
    time.sleep(1000)
"""
SECONDS = 120
"""Longest time in which a simulation starts or ends, on a machine that has much else to do."""


@pytest.fixture
def bench(tmp_path, monkeypatch) -> str:
    """Write the bench into a folder in which Python looks for modules; return its name."""
    (tmp_path / "cb_counter.py").write_text(BENCH)
    monkeypatch.syspath_prepend(tmp_path)
    return "cb_counter"


def run(bench: str, testcase: str, fault: int = 0, **job) -> list[dict]:
    model = runner.build(VERILOG, "counter")
    return runner.run_job(model, "counter", bench, Job(**job), testcase=testcase, fault=fault)


def test_jobs_share_a_server_and_each_begins_anew(bench):
    first, second = (run(bench, "count", seed=seed, fault=seed)[0] for seed in (5, 7))
    assert first["server"] == second["server"]
    assert first["here"] != second["here"]
    assert [(row["before"], row["after"], row["imported"], row["fault"]) for row in (first, second)] == [
        (3, 8, [5], "5"),
        (3, 10, [7], "7"),
    ]


def test_a_job_that_dies_leaves_a_server_for_the_next(bench):
    [before] = run(bench, "count")
    with pytest.raises(ToolError, match=r"^simulation failed: "):
        run(bench, "crash")
    [after] = run(bench, "count")
    assert after == {**before, "here": after["here"]}


def test_a_bench_that_cannot_be_imported_is_told(bench, tmp_path):
    (tmp_path / "cb_broken.py").write_text("import nothing_of_this_name")
    for _ in range(2):
        with pytest.raises(ToolError) as failed:
            run("cb_broken", "count")
        assert "nothing_of_this_name" in failed.value.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_server_and_job_end_with_the_process(bench, tmp_path, number):
    file = tmp_path / "started"
    script = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background ignores it
        "from tests.cocotb_tests.harness.test_fork_server import run\n"
        f"run({bench!r}, 'hang', options={{'file': {str(file)!r}}})"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    command, env = [sys.executable, "-c", script], {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: file.exists() and file.read_text().endswith("\n"))
            process.send_signal(number)
            process.wait(SECONDS)
        finally:
            process.kill()
    for pid in map(int, file.read_text().split()):
        wait_until(lambda pid=pid: not is_alive(pid))


def wait_until(condition) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
