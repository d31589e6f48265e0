"""Files of plans: the storage of each matrix, the model for which it was made, and the rounded weights themselves."""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError, suggest
from tilewright.base.files import write_bytes, write_json
from tilewright.base.reading import Parsed, read_bytes, read_json
from tilewright.base.text import shown

from .assignment import Assignment
from .network import Network
from .storage import parse_storage

VERSION = 1
"""Version of the files: another one has other keys, or keys of another meaning."""
WEIGHTS = ".npz"
"""Ending of the name of the file of rounded weights, which lies beside the plan."""
MAX_WEIGHTS_BYTES = 8 << 30


@dataclass(frozen=True)
class Plan:
    """A storage for each matrix of a model."""

    model: str
    """Name of the model, as it was asked for."""
    identity: str
    """Hash of names, shapes and values of the matrices: see :func:`identity_of`."""
    assignment: Assignment
    activations: str | None
    """Format of activations with which the plan was searched; None for float64."""
    figures: Mapping[str, Any]
    """Bits a weight, bytes and loss, as the search found them."""
    cache: str | None = None
    """Format of keys and values with which the plan was searched; None for that of activations."""

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as its file has it."""
        return {
            "version": VERSION,
            "model": self.model,
            "identity": self.identity,
            "activations": self.activations,
            "cache": self.cache,
            **self.figures,
            "weights": {name: storage.name for name, storage in self.assignment.items()},
        }

    def write(self, path: Path, rounded: Mapping[str, np.ndarray] | None = None) -> list[Path]:
        """Write the plan, and beside it the rounded weights, by name of the matrix; return the paths."""
        files = [write_json(path, self.to_dict())]
        if rounded is not None:
            packed = io.BytesIO()
            np.savez_compressed(packed, **{name: rounded[name].astype(np.float32) for name in self.assignment})  # type: ignore[arg-type]
            files.append(write_bytes(path.with_suffix(WEIGHTS), packed.getvalue()))
        return files

    def check_model(self, path: Path, identity: str, names: set[str]) -> None:
        """Refuse a model for which the plan was not made.

        Raises
        ------
        ConfigError
            Names the plan and the model for which it was made.
        """
        if identity != self.identity:
            raise ConfigError(
                f"{path}: the plan is for another model: it was made for {self.model}, whose weights have the hash "
                f"{self.identity[:12]}, and these have {identity[:12]}"
            )
        for name in self.assignment:
            if name not in names:
                raise ConfigError(
                    f"{path}: weights.{name} is not allowed: no matrix of the model{suggest(name, names)}"
                )
        for name in names - set(self.assignment):
            raise ConfigError(f"{path}: weights.{name} is missing")


def identity_of(network: Network) -> str:
    """Return the hash of names, shapes and values of the matrices of a network."""
    found = hashlib.sha256()
    for product in network.products:
        found.update(f"{product.name} {product.outputs} {product.inputs}\n".encode())
        found.update(np.ascontiguousarray(network.tensors[product.tensor], dtype="<f4").tobytes())
    return found.hexdigest()


def read_plan(path: Path) -> Plan:
    """Return the plan of a file.

    Raises
    ------
    ConfigError
        If it cannot be read or is not a plan; names the field, the value and what is allowed.
    """
    parsed = read_json(path)
    data = parsed.value
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: {shown(data)} is not allowed: a plan is an object with fields")
    for key in ("version", "model", "identity", "weights"):
        if key not in data:
            raise ConfigError(f"{path}: '{key}' is missing: it is not a plan of `tilewright precision`")
    if data["version"] != VERSION:
        raise _refused(parsed, "version", f"this version reads plans of version {VERSION}")
    if not isinstance(data["model"], str):
        raise _refused(parsed, "model", "it must be a name")
    if not isinstance(data["identity"], str) or not re.fullmatch("[0-9a-f]{64}", data["identity"]):
        raise _refused(parsed, "identity", "it must be a hash of 64 hexadecimal digits")
    weights = data["weights"]
    if not isinstance(weights, dict) or not weights:
        raise _refused(parsed, "weights", "it must be an object with a storage for each matrix")
    assignment = {}
    for name, storage in weights.items():
        try:
            [assignment[name]] = parse_storage(storage if isinstance(storage, str) else "")
        except (ConfigError, ValueError) as error:
            raise ConfigError(
                f"{parsed.where(('weights', name))}: weights.{name} = {shown(storage)} is not allowed: a format and "
                "its granularity, such as int4/32, int8/channel, mxfp4 or bf16"
            ) from error
    known = {"version", "model", "identity", "weights", "activations", "cache"}
    figures = {key: value for key, value in data.items() if key not in known}
    for key in ("activations", "cache"):
        if not isinstance(data.get(key), str | None):
            raise _refused(parsed, key, "it must be the name of a format, or null")
    return Plan(data["model"], data["identity"], assignment, data.get("activations"), figures, data.get("cache"))


def read_rounded(path: Path, plan: Plan) -> dict[str, np.ndarray]:
    """Return the rounded weights beside a plan, by name of the matrix.

    Raises
    ------
    ConfigError
        If the file is not there, cannot be read, or lacks a matrix.
    """
    file = path.with_suffix(WEIGHTS)
    try:
        with np.load(io.BytesIO(read_bytes(file, MAX_WEIGHTS_BYTES)), allow_pickle=False) as kept:
            found = {name: kept[name] for name in plan.assignment}
    except ConfigError:
        raise
    except Exception as error:  # zip files and numpy's format fail in many ways
        raise ConfigError(f"{file}: cannot be read as the weights of {path}: {error}") from error
    for name, values in found.items():
        if not np.isfinite(values).all():
            raise ConfigError(f"{file}: {name} has numbers that are not finite")
    return found


def _refused(parsed: Parsed, key: str, allowed: str) -> ConfigError:
    return ConfigError(f"{parsed.where((key,))}: {key} = {shown(parsed.value[key])} is not allowed: {allowed}")
