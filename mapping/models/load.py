"""Models from Hugging Face ``config.json`` files."""

from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from tilewright.base.errors import ConfigError, first_problem, suggest
from tilewright.base.reading import Parsed, is_folder, list_folder, read_json
from tilewright.base.text import shown

from . import minilm
from .config import BertConfig, DecoderConfig, Transformer
from .families import DECODERS, FAMILIES
from .rope_scaling import RopeScaling

MODELS = Path(__file__).parent / "shipped"

WITHOUT_EFFECT = frozenset(
    {"architectures", "model_type", "torch_dtype", "dtype", "transformers_version", "use_cache", "bos_token_id",
     "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "unk_token_id", "initializer_range",
     "attention_dropout", "hidden_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "hidden_dropout_prob",
     "attention_probs_dropout_prob", "classifier_dropout", "pretraining_tp", "auto_map", "name_or_path",
     "is_llama_config", "cache_implementation", "task_specific_params", "id2label", "label2id", "problem_type",
     "torchscript", "output_attentions", "output_hidden_states", "return_dict", "gradient_checkpointing",
     "use_bfloat16",
     "unsloth_version", "unsloth_fixed", "transformers.js_config", "eoi_token_index", "boi_token_index",
     "image_token_index", "mm_tokens_per_image", "vision_config", "text_config"}
)  # fmt: skip
"""Keys that do not change what a language model computes: keys of training, of tokens, of other programs, and of the
parts beside ``text_config``."""
ONLY_VALUES: dict[str, tuple[object, ...]] = {
    "rope_interleaved": (False,),
    "is_decoder": (False, True),
    "is_encoder_decoder": (False,),
    "add_cross_attention": (False,),
    "attention_bias": (False,),
    "mlp_bias": (False,),
    "use_sliding_window": (False,),
    "partial_rotary_factor": (1, 1.0),
    "use_qk_norm": (False,),
}
"""Keys that change the computation unless they have one of these values, where the family does not know them."""
REASONS = {
    "quantization_config": "the weights must be plain numbers, of F32, F16 or BF16",
    "num_local_experts": "a mixture of experts is not understood",
    "num_experts": "a mixture of experts is not understood",
    "num_experts_per_tok": "a mixture of experts is not understood",
    "n_routed_experts": "a mixture of experts is not understood",
}
"""Reasons why keys that are not understood are refused."""


def model_names() -> list[str]:
    """Return the names of the models that come with Tilewright."""
    return sorted([*(path.stem for path in MODELS.glob("*.json")), *(folder.name for folder in _folders())])


def _folders() -> list[Path]:
    """Return the folders of the models that come with their weights."""
    return [path.parent for path in MODELS.glob("*/config.json")]


def shipped_folder(name: str) -> Path | None:
    """Return the folder of a shipped model that comes with its weights; None if there is no such model."""
    return next((folder for folder in _folders() if folder.name == name), None)


def config_path(name_or_path: str | Path) -> Path:
    """Return the ``config.json`` that a shipped name, a ``config.json`` or the folder that contains one stands for.

    Raises
    ------
    ConfigError
        If there is no such name, and it is no file of that kind.
    """
    path = Path(name_or_path)
    if str(name_or_path) in model_names():
        folder = shipped_folder(str(name_or_path))
        return folder / "config.json" if folder else MODELS / f"{name_or_path}.json"
    if str(name_or_path) and is_folder(path):
        return path / "config.json"
    if path.suffix != ".json":
        raise ConfigError(
            f"unknown model '{name_or_path}'{suggest(str(name_or_path), model_names())}, or a config.json"
        )
    return path


def is_described(path: Path) -> bool:
    """Return whether a model has a ``config.json``, or would have one, in place of a file that describes itself."""
    if str(path) and is_folder(path):
        return (path / "config.json").exists() or not any(each.suffix in SELF_DESCRIBED for each in list_folder(path))
    return path.suffix not in SELF_DESCRIBED


SELF_DESCRIBED = (".gguf", ".bin")
"""Endings of the names of files that contain a description of their model."""


def load_model(name_or_path: str | Path) -> DecoderConfig:
    """Return the decoder that a name or a path stands for: a shipped model, a ``config.json`` or its folder, a GGUF
    file, or a checkpoint of llama2.c.

    Raises
    ------
    ConfigError
        If there is none, or it is not a configuration that is understood; names the field, the value, what is
        allowed, the file and the line.
    """
    model = load_transformer(name_or_path)
    if isinstance(model, BertConfig):
        raise ConfigError(
            f"{name_or_path}: model_type = 'bert' is not allowed here: an encoder has no decode step and no prompt "
            f"phase; families of decoders: {', '.join(DECODERS)}"
        )
    return model


def load_transformer(name_or_path: str | Path) -> Transformer:
    """Return the model that a name or a path stands for, as :func:`load_model`, or an encoder: ``minilm``, or one
    with a ``config.json``.

    Raises
    ------
    ConfigError
        See :func:`load_model`.
    """
    path = Path(name_or_path)
    if str(name_or_path) == minilm.NAME:
        return minilm.CONFIG
    if str(name_or_path) not in model_names() and not is_described(path):
        # Files whose description is a part of them; their reader knows this module.
        from .readers import read_model

        return read_model(path).model
    return load_config(config_path(name_or_path))


def load_config(path: Path) -> Transformer:
    """Return the model that a ``config.json`` describes.

    Raises
    ------
    ConfigError
        See :func:`load_model`.
    """
    return parse_config(read_json(path))


def parse_config(parsed: Parsed) -> Transformer:
    """Return the model that parsed fields describe: those of ``text_config``, if there is one.

    Raises
    ------
    ConfigError
        See :func:`load_model`.
    """
    data, prefix = parsed.value, cast(tuple[str, ...], ())
    if not isinstance(data, dict):
        raise ConfigError(f"{parsed.path}: {shown(data)} is not allowed: it must be an object with fields")
    if isinstance(inner := data.get("text_config"), dict):
        # The language model of several parts; what stands around it may be about the weights of all of them.
        shared = {key: data[key] for key in ("tie_word_embeddings", "quantization_config") if data.get(key) is not None}
        data, prefix = {**shared, **inner}, ("text_config",)
        if isinstance(outer := parsed.value.get("model_type"), str):
            data.setdefault("model_type", f"{outer}_text")
    if "model_type" not in data:
        raise ConfigError(f"{parsed.path}: 'model_type' is missing")
    kind = data["model_type"]
    if kind not in FAMILIES:
        names = suggest(kind, FAMILIES) if isinstance(kind, str) else f" (one of: {', '.join(sorted(FAMILIES))})"
        raise ConfigError(f"{parsed.where((*prefix, 'model_type'))}: model_type = {shown(kind)} is not allowed{names}")
    family = FAMILIES[kind]
    for key, value in data.items():
        _check_key(family, parsed, prefix, key, value)
    try:
        return family.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_problem(parsed, prefix, error)) from error


def _check_key(
    family: type[DecoderConfig] | type[BertConfig], parsed: Parsed, prefix: tuple[str, ...], key: str, value: Any
) -> None:
    """Refuse a key that may change what is computed and is not understood.

    Raises
    ------
    ConfigError
        Names the key, its value, the reason, the file and the line.
    """
    if value is None or key.startswith("_") or key in family.KEYS or key in WITHOUT_EFFECT:
        return
    if key in ONLY_VALUES and value in ONLY_VALUES[key]:
        return
    only = ONLY_VALUES.get(key)
    reason = REASONS.get(key) or (
        f"it must be {' or '.join(str(each).lower() for each in only)}"
        if only
        else f"the key is not understood in a {family.model_fields['model_type'].default} model; leave it out if it "
        "changes nothing"
    )
    where = parsed.where((*prefix, key)) if key in _inner(parsed, prefix) else parsed.where((key,))
    raise ConfigError(f"{where}: {key} = {shown(value)} is not allowed: {reason}")


def _inner(parsed: Parsed, prefix: tuple[str, ...]) -> Any:
    value = parsed.value
    for key in prefix:
        value = value[key]
    return value


def _problem(parsed: Parsed, prefix: tuple[str, ...], error: ValidationError) -> str:
    """Return the sentence about the first bad field."""
    location, problem = first_problem(error)
    path = (*prefix, *location) if location else (*prefix, problem.split(" = ")[0])
    field = ".".join(map(str, location)) or str(path[-1])
    if problem == "missing":
        return f"{parsed.path}: '{field}' is missing"
    if problem == "unknown key":
        return f"{parsed.where(path)}: {field} is not allowed: the key is not understood"
    if not location:
        return f"{parsed.where(path)}: {problem}"
    # A sentence about a whole table begins with the name of its field.
    table = problem.split(" ")[0] in RopeScaling.model_fields
    return f"{parsed.where(path)}: {field}{'.' if table else ' = '}{problem}"
