"""Processes of manufacture: their conditions are stated, and a system may name one."""

import pytest

from benchmarks.open_processes import PROCESSES
from tilewright.base.errors import ConfigError
from tilewright.hw.synth.library import read_library
from tilewright.sim.config import load_system
from tilewright.sim.config.process import load_process, process_file, process_names

every_process = pytest.mark.parametrize("name", process_names())


@every_process
def test_conditions_are_those_of_the_liberty_files(name):
    stated, measured = load_process(name), PROCESSES[name]
    assert stated.description.startswith(measured.about.partition(":")[0].partition(". ")[0])
    if not measured.complete:
        pytest.skip(f"the liberty files of {name} are not here")
    library = read_library(measured.files)
    assert (library.voltage_v, library.temperature_c) == (stated.voltage_v, stated.temperature_c)


@every_process
def test_a_system_may_name_a_process(name):
    assert load_system("tiny").with_(process=name).process == name
    assert process_file(name, "process.toml").is_file()


def test_without_a_process_a_system_names_none():
    assert load_system("tiny").process is None


@pytest.mark.parametrize("name", ["SG13", "sg13g2", "", "../SG13G2"])
def test_another_process_is_refused(name):
    with pytest.raises(ConfigError, match=r"process = '.*' is not allowed.*SG13G2"):
        load_system("tiny").with_(process=name)
