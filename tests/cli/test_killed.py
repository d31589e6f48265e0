"""Commands that are killed at any moment leave a cache with which the next one ends well."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMANDS = {
    "a build": ("cosim", "cim-tile", "--design", "16x16 1x1 w4 i4/4", "--json"),
    "a synthesis": ("synth", "posit-decoder", "--json"),
}


@pytest.mark.slow
@pytest.mark.cosim
@pytest.mark.parametrize("what", COMMANDS)
def test_commands_that_are_killed_do_no_harm(what, tmp_path):
    random.seed(what)
    env = {**os.environ, "TILEWRIGHT_CACHE": str(tmp_path / "a cache"), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "tilewright", *COMMANDS[what]]
    for _ in range(10):
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.random() * 12)
        process.kill()
        process.wait()
    result = subprocess.run(command, env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)
    kinds = [folder for folder in Path(env["TILEWRIGHT_CACHE"]).iterdir() if folder.is_dir()]
    left = [path.name for kind in kinds for path in kind.iterdir() if path.suffix in (".part", ".lock")]
    assert left == []
