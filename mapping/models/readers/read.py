"""Reads a model with its weights from whatever file or folder it is in."""

from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.reading import is_folder, list_folder
from tilewright.mapping.models.load import model_names, shipped_folder

from .checkpoint import Checkpoint
from .gguf_file import read_gguf
from .hugging_face import read_folder
from .llama2c import is_checkpoint, read_llama2c


def read_model(path: str | Path) -> Checkpoint:
    """Return the model of a shipped name, a folder with a ``config.json``, a GGUF file, or a checkpoint of llama2.c.

    A folder without ``config.json`` stands for the one GGUF file or checkpoint in it.

    Raises
    ------
    ConfigError
        If there is no model, it cannot be read, or its parts do not fit each other; names the file.
    """
    path = shipped_folder(str(path)) or Path(path)
    if is_folder(path):
        files = list_folder(path)
        if any(each.name == "config.json" for each in files):
            return read_folder(path)
        models = [each for each in files if each.suffix == ".gguf" or is_checkpoint(each)]
        if len(models) != 1:
            found = ", ".join(each.name for each in models) or "none"
            raise ConfigError(
                f"{path}: is not a model: without config.json there must be one .gguf or .bin file, and there is "
                f"{found}"
            )
        [path] = models
    if path.suffix == ".gguf":
        return read_gguf(path)
    if path.suffix == ".bin":
        return read_llama2c(path)
    if str(path) in model_names():
        raise ConfigError(
            f"model = '{path}' is not allowed here: it comes without weights; name a folder or a file that has them"
        )
    raise ConfigError(
        f"{path}: is not a model: a shipped model with weights, a folder with config.json, a .gguf file or a .bin file "
        "of llama2.c"
    )
