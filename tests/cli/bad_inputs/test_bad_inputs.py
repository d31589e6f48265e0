"""Bad input of all kinds, to all commands: one line that names field, value and what is allowed, and nothing else."""

import pytest

from tests.cli.bad_inputs import (
    csv_files,
    environment,
    json_files,
    liberty_files,
    options,
    output_paths,
    programs,
    spaces,
    statistics,
    toml_files,
)
from tests.cli.bad_inputs.case import Case
from tests.cli.bad_inputs.harness import check, run_case

TABLES = {
    "options": options.CASES,
    "json": json_files.CASES,
    "toml": toml_files.CASES,
    "liberty": liberty_files.CASES,
    "csv": csv_files.CASES,
    "spaces": spaces.CASES,
    "statistics": statistics.CASES,
    "programs": programs.CASES,
    "output paths": output_paths.CASES,
    "environment": environment.CASES,
}
LEAST = 30
"""Least number of cases of a table."""


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{table}: {case.name}") for table, cases in TABLES.items() for case in cases]
)
def test_bad_input_is_refused_in_one_line(case: Case, tmp_path):
    check(case, run_case(case, tmp_path))


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_enough_different_cases(table):
    cases = TABLES[table]
    assert len({case.name for case in cases}) == len(cases) >= LEAST
    assert all(case.says for case in cases)
    inputs = {(case.arguments, *sorted((name, str(content)) for name, content in case.files.items())) for case in cases}
    prepared = sum(bool(case.prepare or case.environment or case.stdin) for case in cases)
    assert len(inputs) >= len(cases) - prepared
