"""Gemma 3, its text part: as Gemma 2, with norms of query heads and key heads in place of soft caps, and angles of
their own in layers with a sliding window."""

from typing import Any, ClassVar, Literal

from tilewright.mapping.models.config import Size

from .gemma2 import Gemma2Base


class Gemma3Config(Gemma2Base):
    """Description of a decoder as in Gemma 3."""

    KEYS = Gemma2Base.KEYS | {"rope_local_base_freq", "sliding_window_pattern"}
    DEFAULTS: ClassVar[dict[str, Any]] = {
        **Gemma2Base.DEFAULTS,
        "vocab_size": 262208,
        "max_position_embeddings": 131072,
        "rope_theta": 1000000.0,
        "rope_local_base_freq": 10000.0,
    }

    model_type: Literal["gemma3_text"] = "gemma3_text"
    qk_norm: Literal[True] = True
    sliding_window_pattern: Size = 6
    """Distance of the layers without a sliding window, if ``layer_types`` does not name them."""

    @property
    def pattern(self) -> int:
        return self.sliding_window_pattern

    @property
    def positions(self) -> int:
        return self.max_position_embeddings
