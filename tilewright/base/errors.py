"""The exceptions that end a command with one line, and the sentences of which the lines are made."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError

from tilewright.base.text import shown

MAX_NAMES = 24


class ConfigError(ValueError):
    """Input that cannot be used: a configuration, a model file, a name, a missing tool.

    The message is one line for the user and names the field, the value and what is allowed. The command
    line prints it without a traceback and exits with status 2.
    """


class ToolError(RuntimeError):
    """Outside program that failed or did not end in time.

    The message is one line for the user and says which program failed and why. The command line prints it without a
    traceback and exits with status 3.

    Parameters
    ----------
    message : str
        The line.
    output : str
        All that the program printed.
    tool : str
        Name of the program.
    """

    def __init__(self, message: str, output: str = "", tool: str = ""):
        super().__init__(message)
        self.output = output
        self.tool = tool


def suggest(name: str, allowed: Iterable[str]) -> str:
    """Return the allowed names in place of ``name``, the nearest first: `` (did you mean 'x'? one of: a, x)``.

    A long list is left out if one name is near.
    """
    names = sorted(allowed)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    parts = [f"did you mean '{near[0]}'?"] if near else []
    if not near or len(names) <= MAX_NAMES:
        parts.append(f"one of: {', '.join(names)}")
    return f" ({' '.join(parts)})"


UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
"""Types of pydantic's errors on keys that a description does not have, of models and of dataclasses."""


def first_problem(error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    """Return the path of the first bad field of a pydantic validation and a phrase on its value.

    An unknown key goes first: it is often why another key is missing.
    """
    problems = error.errors(include_url=False)
    problem = min(problems, key=lambda p: p["type"] not in UNKNOWN)
    message = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if problem["type"] in UNKNOWN:
        return problem["loc"], "unknown key"
    if problem["type"] == "missing":
        return problem["loc"], "missing"
    if problem["type"] == "value_error":
        return problem["loc"], message
    message = message[0].lower() + message[1:]
    return problem["loc"], f"{shown(problem['input'])} is not allowed: {message}"
