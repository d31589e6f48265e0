"""Descriptions of transformers: the sizes, constants and options that decide what is computed.

Fields have the names that Hugging Face gives them in ``config.json``, if it has one for them. Families, in
:mod:`.families`, say which of these keys their files may have, and what follows where a file says nothing.
"""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tilewright.base.errors import ConfigError
from tilewright.sim.graph.rotary import Rotary

from .rope_scaling import RopeScaling

Size = Annotated[int, Field(ge=1, le=1 << 31, strict=True)]
Layers = Annotated[int, Field(ge=1, le=1024, strict=True)]
Heads = Annotated[int, Field(ge=1, le=4096, strict=True)]
PositiveFloat = Annotated[float, Field(gt=0, le=1e30, strict=True, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, le=1, strict=True)]

SLIDING, FULL = "sliding_attention", "full_attention"
"""Types of layers: a token attends to a window of positions, or to all positions before it."""


class ModelConfig(BaseModel):
    """The part of a description that all transformers have."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    KEYS: ClassVar[frozenset[str]] = frozenset()
    """Keys that a family's ``config.json`` may have, besides those that change nothing."""

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
        return type(self).model_validate({**self.model_dump(exclude_unset=True), **changes})


class BertConfig(ModelConfig):
    """Description of an encoder as in BERT."""

    KEYS = frozenset(
        {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act",
         "layer_norm_eps", "max_position_embeddings", "type_vocab_size", "position_embedding_type"}
    )  # fmt: skip

    model_type: Literal["bert"] = "bert"
    hidden_act: Literal["gelu"] = "gelu"
    layer_norm_eps: PositiveFloat = 1e-12
    max_position_embeddings: Size = 512
    type_vocab_size: Size = 2
    position_embedding_type: Literal["absolute"] = "absolute"

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

    @property
    def positions(self) -> int:
        """Largest number of tokens in a row."""
        return self.max_position_embeddings

    @property
    def key_value_size(self) -> int:
        """Number of elements of all keys, and of all values, of a token in a layer."""
        return self.hidden_size

    @property
    def layer_weights(self) -> int:
        """Number of weights of the products of one layer."""
        return self.hidden_size * (4 * self.hidden_size + 2 * self.intermediate_size)

    @property
    def parameters(self) -> int:
        """Number of parameters, without those of a pooler."""
        hidden = self.hidden_size
        rows = self.vocab_size + self.max_position_embeddings + self.type_vocab_size
        layer = self.layer_weights + 9 * hidden + self.intermediate_size
        return (rows + 2) * hidden + self.num_hidden_layers * layer


class DecoderConfig(ModelConfig):
    """Description of a decoder: attention over a cache and a gated network, each after a norm."""

    KEYS = frozenset(
        {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
         "num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings", "rms_norm_eps", "rope_theta",
         "rope_scaling", "rope_parameters", "tie_word_embeddings"}
    )  # fmt: skip
    DEFAULTS: ClassVar[dict[str, Any]] = {}
    """Values of keys that a file leaves out, where the family has others than decoders as in Llama."""
    ALLOWED: ClassVar[dict[str, tuple[object, ...]]] = {}
    """Values of keys that a family restricts."""
    GAIN_OFFSET: ClassVar[float] = 0.0
    """Number that is added to the stored gains of norms."""

    model_type: str = "decoder"
    num_key_value_heads: Heads = None  # type: ignore[assignment]
    head_dim: Size = None  # type: ignore[assignment]
    hidden_act: Literal["silu", "gelu", "gelu_pytorch_tanh"] = "silu"
    """Function of the gate of the network; the accelerator computes the two forms of GELU alike, as the exact one."""
    max_position_embeddings: Size = 2048
    rms_norm_eps: PositiveFloat = 1e-6
    rope_theta: PositiveFloat = 10000.0
    rope_scaling: RopeScaling | None = None
    rope_local_base_freq: PositiveFloat | None = None
    """Base of the angles of layers with a sliding window, if it is another than ``rope_theta``."""
    partial_rotary_factor: Fraction = 1.0
    """Part of each head that turns with the position."""
    no_rope_layers: tuple[Literal[0, 1], ...] | None = None
    """Entry 0 for each layer without rotary embedding, 1 for each other layer; None: all layers have it."""
    sliding_window: Size | None = None
    """Number of positions to which a token attends in layers with a sliding window."""
    layer_types: tuple[Literal["full_attention", "sliding_attention"], ...] | None = None
    """Type of each layer; None: all layers have a sliding window, if there is one."""
    attention_bias: bool = False
    """Flag: all projections of attention have biases."""
    qkv_bias: bool = False
    """Flag: the projections to queries, keys and values have biases, as in Qwen2."""
    mlp_bias: bool = False
    """Flag: the projections of the network have biases."""
    qk_norm: bool = False
    """Flag: each query head and each key head goes through an RMSNorm, as in Qwen3."""
    post_norms: bool = False
    """Flag: the results of attention and network go through an RMSNorm before they are added, as in Gemma 2."""
    tie_word_embeddings: bool = False
    embedding_multiplier: PositiveFloat = 1.0
    """Factor of embeddings."""
    residual_multiplier: PositiveFloat = 1.0
    """Factor of what attention and network add to the residual."""
    attention_multiplier: PositiveFloat | None = None
    """Factor of scores; None: one over the square root of the size of a head."""
    logits_scaling: PositiveFloat = 1.0
    """Divisor of logits."""
    attn_logit_softcapping: PositiveFloat | None = None
    """Largest magnitude of scores, which a soft cap enforces."""
    final_logit_softcapping: PositiveFloat | None = None
    """Largest magnitude of logits, which a soft cap enforces."""

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: object) -> object:
        """Fill in the fields that files leave out, in the way of transformers."""
        if not isinstance(data, dict):
            return data
        data = {**cls.DEFAULTS, **cls.translated(_without_rope_parameters(data))}
        # A key that is null is as good as none, but no window is not the window that a family has without the key.
        data = {key: value for key, value in data.items() if value is not None or key == "sliding_window"}
        for key, allowed in cls.ALLOWED.items():
            if key in data and data[key] not in allowed:
                values = " or ".join(repr(value) if isinstance(value, str) else str(value).lower() for value in allowed)
                raise ValueError(f"{key} = {data[key]!r} is not allowed in a {cls.family()}: it must be {values}")
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

    @classmethod
    def translated(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a description for fields of a family's ``config.json`` that have other names there."""
        return data

    @classmethod
    def family(cls) -> str:
        """Return the name of the family, for messages."""
        return str(cls.model_fields["model_type"].default)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"num_key_value_heads = {self.num_key_value_heads} is not allowed: it must divide "
                f"num_attention_heads = {self.num_attention_heads}"
            )
        if self.head_dim % 2:
            raise ValueError(f"head_dim = {self.head_dim} is not allowed: rotary embedding needs an even number")
        if self.rotary_size < 2 or self.rotary_size % 2:
            raise ValueError(
                f"partial_rotary_factor = {self.partial_rotary_factor} is not allowed: {self.rotary_size} of "
                f"head_dim = {self.head_dim} elements would turn, and there must be an even number"
            )
        for name in ("no_rope_layers", "layer_types"):
            given = getattr(self, name)
            if given is not None and len(given) != self.num_hidden_layers:
                raise ValueError(
                    f"{name} has {len(given)} entries: there must be num_hidden_layers = {self.num_hidden_layers}"
                )
        if self.layer_types and SLIDING in self.layer_types and not self.sliding_window:
            raise ValueError("sliding_window is missing: layer_types has layers with sliding_attention")
        for layer in {self.window(layer): layer for layer in range(self.num_hidden_layers)}.values():
            for context in (1, self.positions):
                self.rotary(layer, context)
        return self

    @property
    def positions(self) -> int:
        """Number of positions of the longest context."""
        longest = self.max_position_embeddings
        return self.rope_scaling.longest(longest) if self.rope_scaling else longest

    @property
    def rotary_size(self) -> int:
        """Number of elements of a head that turn with the position."""
        return int(self.head_dim * self.partial_rotary_factor)

    @property
    def activation(self) -> str:
        """Name of the function of the gate of the network."""
        return self.hidden_act

    @property
    def embedding_factor(self) -> float:
        """Factor of embeddings."""
        return self.embedding_multiplier

    @property
    def score_factor(self) -> float:
        """Factor of scores."""
        return self.attention_multiplier or float(self.head_dim**-0.5)

    def slides(self, layer: int) -> bool:
        """Return whether a layer has the sliding window, if there is one."""
        return self.layer_types is None or self.layer_types[layer] == SLIDING

    def turns(self, layer: int) -> bool:
        """Return whether a layer has rotary embedding."""
        return self.no_rope_layers is None or bool(self.no_rope_layers[layer])

    def window(self, layer: int) -> int:
        """Return the number of positions to which a token attends at most in a layer; 0: there is no limit."""
        return self.sliding_window or 0 if self.slides(layer) else 0

    def rotary(self, layer: int, context: int) -> Rotary | None:
        """Return the rotary embedding of a layer in a run of so many positions; None: the layer has none."""
        if not self.turns(layer):
            return None
        if self.rope_local_base_freq is not None and self.window(layer):
            return Rotary.plain(self.rope_local_base_freq, self.rotary_size)
        if self.rope_scaling is None:
            return Rotary.plain(self.rope_theta, self.rotary_size)
        return self.rope_scaling.rotary(self.rope_theta, self.rotary_size, context, self.max_position_embeddings)

    def stored_as(self, name: str) -> tuple[str, int]:
        """Return the name of the tensor that contains a tensor in files of the family, and the number of its first row
        there."""
        return name, 0

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
        gains = (4 if self.post_norms else 2) * self.hidden_size + (2 * self.head_dim if self.qk_norm else 0)
        biases = 0
        if self.attention_bias or self.qkv_bias:
            biases += self.attention_size + 2 * self.key_value_size
        if self.attention_bias:
            biases += self.hidden_size
        if self.mlp_bias:
            biases += 2 * self.intermediate_size + self.hidden_size
        return self.layer_weights + gains + biases

    @property
    def parameters(self) -> int:
        """Number of parameters of the model, with tied embeddings counted once."""
        embeddings = self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)
        return embeddings + self.num_hidden_layers * self.layer_parameters + self.hidden_size


Transformer = DecoderConfig | BertConfig
"""Description of any model that is understood."""


def check_context(model: Transformer, context: int) -> None:
    """Refuse a number of positions for which the model was not made.

    Raises
    ------
    ConfigError
        Names the number and what is allowed.
    """
    longest = model.positions
    if not 1 <= context <= longest:
        limit = "max_position_embeddings" if longest == model.max_position_embeddings else "rope_scaling's longest"
        raise ConfigError(f"context = {context} is not allowed: it must be 1 to {limit} = {longest}")


def _without_rope_parameters(data: dict[str, Any]) -> dict[str, Any]:
    """Return fields with those of ``rope_parameters``, in which newer files put the angles, under their older names."""
    data = dict(data)
    given = data.pop("rope_parameters", None)
    if not isinstance(given, dict):
        return data
    if FULL in given or SLIDING in given:
        # One set of angles for each type of layer.
        sliding = given.get(SLIDING) or {}
        if isinstance(sliding, dict) and "rope_theta" in sliding:
            data.setdefault("rope_local_base_freq", sliding["rope_theta"])
        given = given.get(FULL) or {}
    scaling = dict(given)
    for key in ("rope_theta", "partial_rotary_factor"):
        if key in scaling:
            data.setdefault(key, scaling.pop(key))
    if scaling.get("rope_type", "default") != "default":
        data.setdefault("rope_scaling", scaling)
    return data


class LlamaConfig(DecoderConfig):
    """Description of a decoder as in Llama, with the options in which other families differ from it."""

    KEYS = DecoderConfig.KEYS | {"attention_bias", "mlp_bias"}
    ALLOWED: ClassVar[dict[str, tuple[object, ...]]] = {"hidden_act": ("silu",)}

    model_type: Literal["llama"] = "llama"
