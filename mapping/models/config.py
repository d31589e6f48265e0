"""Transformer models from Hugging Face ``config.json`` files."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tilewright.base.errors import ConfigError, first_problem, suggest
from tilewright.base.reading import is_folder, read_json
from tilewright.base.text import shown

MODELS = Path(__file__).parent / "shipped"

Size = Annotated[int, Field(ge=1, le=1 << 31, strict=True)]


Layers = Annotated[int, Field(ge=1, le=1024, strict=True)]
Heads = Annotated[int, Field(ge=1, le=4096, strict=True)]
PositiveFloat = Annotated[float, Field(gt=0, le=1e30, strict=True, allow_inf_nan=False)]


class _Config(BaseModel):
    """The part of a Hugging Face configuration that decides shapes and constants; field names are Hugging Face's.

    Other keys are ignored.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    vocab_size: Size
    hidden_size: Size
    intermediate_size: Size
    num_hidden_layers: Layers
    num_attention_heads: Heads

    def replace(self, **changes: object) -> Self:
        """Return a validated copy with some fields changed.

        Raises
        ------
        pydantic.ValidationError
            If the result is not a valid configuration.
        """
        return type(self).model_validate({**self.model_dump(), **changes})


class BertConfig(_Config):
    """Configuration of an encoder as in BERT."""

    model_type: Literal["bert"] = "bert"
    hidden_act: Literal["gelu"] = "gelu"
    layer_norm_eps: PositiveFloat = 1e-12

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"num_attention_heads = {self.num_attention_heads} is not allowed: it must divide "
                f"hidden_size = {self.hidden_size}"
            )
        return self

    @property
    def head_dim(self) -> int:
        """Number of elements of a head."""
        return self.hidden_size // self.num_attention_heads


class LlamaConfig(_Config):
    """Configuration of a decoder as in Llama, with the options in which Qwen2 and Qwen3 differ from it."""

    model_type: Literal["llama"] = "llama"
    num_key_value_heads: Heads = None  # type: ignore[assignment]
    head_dim: Size = None  # type: ignore[assignment]
    hidden_act: Literal["silu"] = "silu"
    max_position_embeddings: Size = 2048
    rms_norm_eps: PositiveFloat = 1e-6
    rope_theta: PositiveFloat = 10000.0
    attention_bias: Literal[False] = False
    mlp_bias: Literal[False] = False
    tie_word_embeddings: bool = False
    qkv_bias: bool = False
    """Flag: the projections to queries, keys and values have biases, as in Qwen2."""
    qk_norm: bool = False
    """Flag: each query head and each key head goes through an RMSNorm, as in Qwen3."""

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: object) -> object:
        """Fill in the fields that older files leave out, in the way of transformers' ``LlamaConfig``."""
        if not isinstance(data, dict):
            return data
        data = {key: value for key, value in data.items() if value is not None}
        heads = data.get("num_attention_heads")
        data.setdefault("num_key_value_heads", heads)
        hidden = data.get("hidden_size")
        if "head_dim" not in data and isinstance(heads, int) and heads > 0 and isinstance(hidden, int):
            if hidden % heads:
                raise ValueError(
                    f"hidden_size = {hidden} is not allowed: num_attention_heads = {heads} must divide it unless "
                    "head_dim is given"
                )
            data["head_dim"] = hidden // heads
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"num_key_value_heads = {self.num_key_value_heads} is not allowed: it must divide "
                f"num_attention_heads = {self.num_attention_heads}"
            )
        if self.head_dim % 2:
            raise ValueError(f"head_dim = {self.head_dim} is not allowed: rotary embedding needs an even number")
        return self

    @property
    def attention_size(self) -> int:
        """Number of elements of all query heads."""
        return self.num_attention_heads * self.head_dim

    @property
    def key_value_size(self) -> int:
        """Number of elements of all key heads, and of all value heads."""
        return self.num_key_value_heads * self.head_dim

    @property
    def layer_weights(self) -> int:
        """Number of weights of the products of one decoder layer."""
        attention = self.hidden_size * (2 * self.attention_size + 2 * self.key_value_size)
        return attention + 3 * self.hidden_size * self.intermediate_size

    @property
    def layer_parameters(self) -> int:
        """Number of parameters of one decoder layer."""
        return self.layer_weights + 2 * self.hidden_size

    @property
    def parameters(self) -> int:
        """Number of parameters of the model, with tied embeddings counted once."""
        embeddings = self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)
        return embeddings + self.num_hidden_layers * self.layer_parameters + self.hidden_size


def model_names() -> list[str]:
    """Return the names of the models that come with Tilewright."""
    return sorted(path.stem for path in MODELS.glob("*.json"))


def load_model(name_or_path: str | Path) -> LlamaConfig:
    """Return the model that a shipped name, a ``config.json`` or the folder that contains one stands for.

    Raises
    ------
    ConfigError
        If there is none, or it is not a configuration that is understood; names the field, the value, what is
        allowed, the file and the line.
    """
    path = Path(name_or_path)
    if str(name_or_path) in model_names():
        path = MODELS / f"{name_or_path}.json"
    elif str(name_or_path) and is_folder(path):
        path /= "config.json"
    elif path.suffix != ".json":
        raise ConfigError(
            f"unknown model '{name_or_path}'{suggest(str(name_or_path), model_names())}, or a config.json"
        )
    parsed = read_json(path)
    data = parsed.value
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: {shown(data)} is not allowed: it must be an object with fields")
    if "model_type" not in data:
        raise ConfigError(f"{path}: 'model_type' is missing")
    try:
        return LlamaConfig.model_validate(data)
    except ValidationError as error:
        location, problem = first_problem(error)
        field = str(location[0]) if location else problem.split(" = ")[0]
        if problem == "missing":
            raise ConfigError(f"{path}: '{field}' is missing") from error
        raise ConfigError(f"{parsed.where([field])}: {f'{field} = ' if location else ''}{problem}") from error
