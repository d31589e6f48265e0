"""Expressions of whole numbers over fields."""

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.expression import Expression

FIELDS = {"a": np.array([1, 2, 3]), "b.c": 7, "d": np.array([0.5, 1.0, 2.0])}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a", [1, 2, 3]),
        ("b.c", 7),
        ("a * b.c - 2", [5, 12, 19]),
        ("-(a + 1) * 2", [-4, -6, -8]),
        ("b.c // a", [7, 3, 2]),
        ("b.c % a", [0, 1, 1]),
        ("min(a, 2, b.c) + max(a, 2)", [3, 4, 5]),
    ],
)
def test_a_formula_has_the_values_that_python_gives_it(text, values):
    assert np.array_equal(Expression.of(text).value(FIELDS), values)


def test_a_formula_names_the_fields_that_it_reads_once():
    assert Expression.of("a * b.c + max(a, 1)").names == ("a", "b.c")


@pytest.mark.parametrize(
    "text",
    ["", "a b", "a / 2", "a ** 2", "1.5", "'x'", "True", "f(a)", "max()", "max(a, key=1)", "a[0]", "(a).b()", "a if a else a",
     "lambda: 1", "__import__('os')", "a < 2", "9" * 30, "a" + "+a" * 400, "(" * 300],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        Expression.of(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("b.c // (a - 1)", "divides by zero"),
        ("b.c % (a - 2)", "divides by zero"),
        ("a * 4611686018427387903", "more than 62 bits"),
        ("d * 2", "'d' is no whole number"),
    ],
)
def test_values_that_have_no_result_are_refused(text, says):
    with pytest.raises(ConfigError, match=says):
        Expression.of(text).value(FIELDS)
