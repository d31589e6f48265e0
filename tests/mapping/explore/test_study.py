"""Studies on disk: what they keep, and the files that are refused and stay as they are."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.study import Study

IDENTITY = {"space": "abc", "seed": "0"}


@pytest.fixture
def kept(tmp_path) -> Path:
    """Return a study with a hundred outcomes and a search."""
    path = tmp_path / "a study"
    study = Study(path, IDENTITY)
    for design in range(100):
        study.add((design, 0, ""), {"cycles": design, "text": "x" * 100})
    study.reached("every", 7, 5, 0.5, np.array([3, 9]), np.arange(8.0).reshape(4, 2))
    study.close()
    return path


def test_a_study_has_what_was_put_into_it(kept):
    study = Study(kept, IDENTITY)
    assert len(study.outcomes()) == 100
    assert study.outcomes()[8, 0, ""]["cycles"] == 8
    position, legal, seconds, numbers, sums = study.position("every") or pytest.fail("nothing was kept")
    assert (position, legal, seconds, numbers.tolist()) == (7, 5, 0.5, [3, 9])
    assert sums.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert study.position("another") is None
    study.close()


def test_what_was_added_is_there_before_the_study_is_closed(kept):
    study = Study(kept, IDENTITY)
    study.add((1, 1, "v"), {"cycles": 1})
    # A copy of the files is what a killed process would leave.
    copy = kept.with_name("copy")
    copy.write_bytes(kept.read_bytes())
    copy.with_name("copy-wal").write_bytes(kept.with_name(f"{kept.name}-wal").read_bytes())
    study.close()
    again = Study(copy, IDENTITY)
    assert again.outcomes()[1, 1, "v"] == {"cycles": 1}
    again.close()


def test_a_study_in_memory_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = Study(None, IDENTITY)
    study.add((0, 0, ""), {})
    assert study.outcomes() == {(0, 0, ""): {}}
    study.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("key", "says"), [("space", "another space, abc and not z"), ("seed", "another seed, 0 and not z")]
)
def test_a_study_of_something_else_is_refused(kept, key, says):
    before = kept.read_bytes()
    with pytest.raises(ConfigError, match=says):
        Study(kept, {**IDENTITY, key: "z"})
    assert kept.read_bytes() == before


def test_a_study_that_another_process_uses_is_refused(kept):
    study = Study(kept, IDENTITY)
    with pytest.raises(ConfigError, match="a study: the study cannot be used: another process uses it"):
        Study(kept, IDENTITY)
    study.add((500, 0, ""), {})
    study.close()
    study = Study(kept, IDENTITY)
    assert len(study.outcomes()) == 101
    study.close()


def test_a_file_that_is_no_study_is_refused_and_stays(tmp_path):
    for name, content in (("text", b"not a study"), ("empty", b""), ("header", b"SQLite format 3\0" + bytes(84))):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=f"{name}: is no study"):
            Study(file, IDENTITY)
        assert file.read_bytes() == content
    other = tmp_path / "database"
    database = sqlite3.connect(other)
    database.execute("CREATE TABLE runs (a)")
    database.close()
    with pytest.raises(ConfigError, match="database: is no study"):
        Study(other, IDENTITY)
    with pytest.raises(ConfigError, match="must be a regular file"):
        Study(tmp_path, IDENTITY)
    with pytest.raises(ConfigError, match=r"none/study: the study cannot be written"):
        Study(tmp_path / "none" / "study", IDENTITY)


@pytest.mark.parametrize("part", ["cut", "page", "schema"])
def test_a_damaged_study_is_refused_and_stays(kept, part):
    data = bytearray(kept.read_bytes())
    if part == "cut":
        del data[len(data) // 2 :]
    elif part == "page":
        data[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    else:
        data[100:4096] = bytes(3996)
    kept.write_bytes(bytes(data))
    with pytest.raises(ConfigError, match="a study: the study cannot be used: it is damaged"):
        Study(kept, IDENTITY)
    assert kept.read_bytes() == data
