"""Folders as on Hugging Face: config.json, safetensors in one file or several, tokenizer.json."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.base.reading import read_json, read_text
from tilewright.base.text import shown
from tilewright.mapping.models import llama
from tilewright.mapping.models.chat import ChatTemplate
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.library_tokenizer import read_library_tokenizer
from tilewright.mapping.models.load import load_model
from tilewright.mapping.models.rows import Rows, successive
from tilewright.mapping.models.tensors import Shape, is_gain, tensor_shapes, turned_last, turning
from tilewright.mapping.models.tokenizer import Tokenizer

from .checkpoint import Checkpoint, LazyTensors, Reader, check_stored, check_vocabulary

WEIGHTS, INDEX, TOKENIZER = "model.safetensors", "model.safetensors.index.json", "tokenizer.json"
TOKENIZER_CONFIG, TEMPLATE = "tokenizer_config.json", "chat_template.jinja"
NUMBERS = ("F64", "F32", "F16", "BF16")
"""Formats of tensors that are understood."""
MODEL = "model."
PREFIXES = ("model.", "", "language_model.model.", "model.language_model.")
"""Beginnings that the names of tensors can have in place of ``model.``: alone, without a head, and as one of several
parts."""


def read_folder(folder: Path) -> Checkpoint:
    """Return the model of a folder; its tensors are read when they are used.

    Raises
    ------
    ConfigError
        If a file is missing, cannot be read or is cut off, tensors are not those of the model, or the tokenizer is not.
    """
    model = load_model(folder)
    files = dict(_stored(folder))
    prefix = _prefix(files)
    sources: dict[str, Reader] = {}
    wanted: dict[str, Shape] = {}
    tied = model.tie_word_embeddings
    for name, shape in tensor_shapes(model).items():
        # A tied head has the tensor of the embeddings, whatever else the files have for it.
        source = f"{llama.EMBEDDINGS}.weight" if tied and name == f"{llama.HEAD}.weight" else name
        stored, first = model.stored_as(source)
        stored = _file_name(stored, prefix)
        rows = max(first + shape[0], wanted.get(stored, (0,))[0])
        wanted[stored] = (rows, *shape[1:])
        sources[name] = _reader(model, name, files, stored, slice(first, first + shape[0]))
    shapes = {name: shape for name, (_, shape, _) in files.items()}
    others = prefix not in (MODEL, "")

    def ignored(name: str) -> bool:
        head = tied and name in (f"{llama.HEAD}.weight", _file_name(f"{llama.HEAD}.weight", prefix))
        return head or name.endswith("rotary_emb.inv_freq") or (others and not name.startswith(prefix))

    check_stored(folder, wanted, shapes, ignored)
    for file, _, kind in files.values():
        if kind not in NUMBERS:
            raise ConfigError(f"{file}: tensors of {kind} are not allowed: {', '.join(NUMBERS)}")
    return Checkpoint(folder, model, LazyTensors(folder, sources), _tokenizer(folder, model), _chat(folder))


def _stored(folder: Path) -> Iterator[tuple[str, tuple[Path, Shape, str]]]:
    """Yield the tensors of all files: name, file, shape and format."""
    from safetensors import SafetensorError, safe_open

    for path, names in _files(folder).items():
        try:
            with safe_open(path, framework="numpy") as file:
                found = set(file.keys())
                for name in sorted(found):
                    part = file.get_slice(name)
                    yield name, (path, tuple(part.get_shape()), part.get_dtype())
        except (SafetensorError, OSError) as error:
            raise ConfigError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
        for name in names - found:
            raise ConfigError(f"{path}: tensor '{name}' is missing: {INDEX} says that it is there")


def _files(folder: Path) -> dict[Path, set[str]]:
    """Return the files with weights, and the tensors that an index promises of each."""
    if (folder / INDEX).exists():
        parsed = read_json(folder / INDEX)
        table: Any = parsed.value.get("weight_map") if isinstance(parsed.value, dict) else None
        if not isinstance(table, dict) or not table:
            raise ConfigError(
                f"{parsed.path}: weight_map = {shown(table)} is not allowed: it must name the tensors' files"
            )
        files: dict[Path, set[str]] = {}
        for name, file in table.items():
            if not isinstance(file, str) or Path(file).name != file:
                raise ConfigError(
                    f"{parsed.where(('weight_map', name))}: weight_map.{name} = {shown(file)} is not allowed: "
                    "it must be the name of a file in the folder"
                )
            files.setdefault(folder / file, set()).add(name)
        return files
    if not (folder / WEIGHTS).exists():
        raise ConfigError(f"{folder}: has no weights: neither {WEIGHTS} nor {INDEX} is there")
    return {folder / WEIGHTS: set()}


def _prefix(names: dict[str, Any]) -> str:
    """Return the beginning of the names of tensors that stands for ``model.``."""
    embeddings = f"{llama.EMBEDDINGS}.weight".removeprefix(MODEL)
    return next((prefix for prefix in PREFIXES if f"{prefix}{embeddings}" in names), MODEL)


def _file_name(name: str, prefix: str) -> str:
    """Return the name that a tensor has in files."""
    if name.startswith(MODEL):
        return prefix + name.removeprefix(MODEL)
    return f"language_model.{name}" if prefix == "language_model.model." else name


def _reader(
    model: DecoderConfig, name: str, files: dict[str, tuple[Path, Shape, str]], stored: str, own: slice
) -> Reader:
    """Return a function that reads a tensor from its ``own`` rows of one of the files, as :mod:`.tensors` has it."""

    def read(rows: Rows) -> np.ndarray:
        # numpy knows the name of BF16, which safetensors asks for, once this is imported.
        import ml_dtypes  # noqa: F401
        from safetensors import safe_open

        with safe_open(files[stored][0], framework="numpy") as file:
            part = file.get_slice(stored)
            if turning(name):
                return gains(turned_last(model, np.asarray(part[own]).astype(np.float32)))[rows]
            # The library refuses a slice without rows after the last row.
            runs = [np.asarray(part[each]) for each in successive(rows, own) if each.start < each.stop]
        values = np.concatenate(runs) if runs else np.zeros((0, *files[stored][1][1:]))
        return gains(values.astype(np.float32))

    def gains(values: np.ndarray) -> np.ndarray:
        return values + np.float32(model.GAIN_OFFSET) if is_gain(name) else values

    return read


def _tokenizer(folder: Path, model: DecoderConfig) -> Tokenizer | None:
    """Return the tokenizer, if there is one; the tokens that end a text stand in two other files."""
    path = folder / TOKENIZER
    if not path.exists():
        return None
    ends: set[int] = set()
    for file in (folder / "config.json", folder / "generation_config.json"):
        if file.exists() and isinstance(value := read_json(file).value, dict):
            given = value.get("eos_token_id")
            ends |= {each for each in (given if isinstance(given, list) else [given]) if isinstance(each, int)}
    tokenizer = read_library_tokenizer(path, frozenset(ends))
    check_vocabulary(path, tokenizer, model)
    return tokenizer


def _chat(folder: Path) -> ChatTemplate | None:
    """Return the template of chats, if there is one, in a file of its own or beside the tokenizer's settings."""
    path, value = folder / TOKENIZER_CONFIG, {}
    if path.exists() and isinstance(found := read_json(path).value, dict):
        value = found
    template: Any = value.get("chat_template")
    if (folder / TEMPLATE).exists():
        path = folder / TEMPLATE
        template = read_text(path)
    if isinstance(template, list):
        # Templates by name, of which some are for tools.
        named = {each.get("name"): each.get("template") for each in template if isinstance(each, dict)}
        template = named.get("default")
    if template is None:
        return None
    if not isinstance(template, str):
        raise ConfigError(f"{path}: chat_template = {shown(template)} is not allowed: it must be a text")
    return ChatTemplate(path, template, *(_content(value.get(f"{part}_token")) for part in ("bos", "eos")))


def _content(token: Any) -> str:
    """Return the text of a special token, which a file has as it is or in a table."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else ""
