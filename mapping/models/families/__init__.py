"""Families of models: what the ``config.json`` of each may have, and how it differs from others."""

import sys

from tilewright.mapping.models.config import BertConfig, DecoderConfig, LlamaConfig

from .gemma import GemmaConfig
from .gemma2 import Gemma2Config
from .gemma3 import Gemma3Config
from .granite import GraniteConfig
from .mistral import MistralConfig
from .phi3 import Phi3Config
from .qwen2 import Qwen2Config
from .qwen3 import Qwen3Config
from .smollm3 import SmolLM3Config

DECODERS: dict[str, type[DecoderConfig]] = {
    family.family(): family
    for family in (
        LlamaConfig,
        MistralConfig,
        Qwen2Config,
        Qwen3Config,
        Phi3Config,
        SmolLM3Config,
        GraniteConfig,
        GemmaConfig,
        Gemma2Config,
        Gemma3Config,
    )
}
"""Families of decoders by their ``model_type``."""
FAMILIES: dict[str, type[DecoderConfig] | type[BertConfig]] = {**DECODERS, "bert": BertConfig}
"""All families by their ``model_type``."""


def about() -> dict[str, str]:
    """Return what each family of decoders is, by its ``model_type``: the first sentence of its module, unwrapped."""
    return {name: _sentence(family) for name, family in DECODERS.items()}


def _sentence(family: type[DecoderConfig]) -> str:
    text = (sys.modules[family.__module__].__doc__ or "").partition(".\n")[0].removesuffix(".")
    return LLAMA if family is LlamaConfig else " ".join(text.split())


LLAMA = "Llama and what is built as it: TinyLlama, SmolLM2, and many others"
