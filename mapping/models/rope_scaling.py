"""Scaling of rotary embedding for contexts longer than those that a model was first trained for.

The formulas are those of the ``rope_scaling`` (or ``rope_parameters``) of a Hugging Face ``config.json``, after
``modeling_rope_utils.py`` of transformers 5.24.
"""

import math
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tilewright.sim.graph.rotary import Rotary

Positive = Annotated[float, Field(gt=0, le=1e30, allow_inf_nan=False)]
Positions = Annotated[int, Field(ge=2, le=1 << 31, strict=True)]
Factors = tuple[Positive, ...]


class RopeScaling(BaseModel):
    """A way to scale the angles of rotary embedding; field names are Hugging Face's."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    rope_type: Literal["default", "linear", "dynamic", "yarn", "llama3", "longrope"] = "default"
    factor: Positive = None  # type: ignore[assignment]
    """Factor by which the context grows."""
    original_max_position_embeddings: Positions = None  # type: ignore[assignment]
    """Number of positions of the context that the model was first trained for."""
    attention_factor: Positive = None  # type: ignore[assignment]
    """Factor of cosines and sines."""
    beta_fast: Positive = 32.0
    beta_slow: Positive = 1.0
    mscale: Positive = None  # type: ignore[assignment]
    mscale_all_dim: Positive = None  # type: ignore[assignment]
    truncate: bool = True
    low_freq_factor: Positive = None  # type: ignore[assignment]
    high_freq_factor: Positive = None  # type: ignore[assignment]
    long_factor: Factors = None  # type: ignore[assignment]
    """Divisor of each frequency in a context longer than the original one."""
    short_factor: Factors = None  # type: ignore[assignment]
    """Divisor of each frequency in any other context."""

    NEEDED: ClassVar[dict[str, tuple[str, ...]]] = {
        "linear": ("factor",),
        "dynamic": ("factor",),
        "yarn": ("factor", "original_max_position_embeddings"),
        "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
        "longrope": ("long_factor", "short_factor", "original_max_position_embeddings"),
    }
    """Fields that a type of scaling cannot be without."""
    USED: ClassVar[dict[str, tuple[str, ...]]] = {
        # Dynamic scaling begins at max_position_embeddings, whatever the original context is said to be.
        "dynamic": ("original_max_position_embeddings",),
        "yarn": ("attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate"),
        "longrope": ("factor", "attention_factor"),
    }
    """Other fields that a type of scaling uses, or whose value makes no difference to it."""

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, data: object) -> object:
        """Rename what older files call ``type``, and the longrope scaling that they call ``su``."""
        if not isinstance(data, dict):
            return data
        data = {key: value for key, value in data.items() if value is not None}
        older = data.pop("type", None)
        if older is not None:
            data.setdefault("rope_type", older)
        if data.get("rope_type") == "su":
            data["rope_type"] = "longrope"
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        needed, used = self.NEEDED.get(self.rope_type, ()), self.USED.get(self.rope_type, ())
        given = self.model_fields_set - {"rope_type"}
        for name in needed:
            if name not in given:
                raise ValueError(f"{name} is missing: rope_type = {self.rope_type} needs it")
        for name in sorted(given):
            if name not in needed + used:
                raise ValueError(f"{name} = {getattr(self, name)} is not allowed with rope_type = {self.rope_type}")
        if self.rope_type == "llama3" and self.high_freq_factor <= self.low_freq_factor:
            raise ValueError(
                f"high_freq_factor = {self.high_freq_factor} is not allowed: it must be above low_freq_factor = "
                f"{self.low_freq_factor}"
            )
        return self

    def longest(self, positions: int) -> int:
        """Return the longest context of a model whose ``max_position_embeddings`` is a number of positions."""
        if self.rope_type in ("linear", "dynamic"):
            return int(positions * self.factor)
        if self.rope_type == "yarn":
            return max(positions, int(self.original_max_position_embeddings * self.factor))
        return positions

    def rotary(self, base: float, size: int, context: int, positions: int) -> Rotary:
        """Return the embedding of ``size`` elements of a head.

        Parameters
        ----------
        context : int
            Number of positions of the run: longrope and dynamic scaling depend on it.
        positions : int
            The model's ``max_position_embeddings``.

        Raises
        ------
        ValueError
            If there are more or fewer divisors than frequencies.
        """
        frequencies = base ** (-np.arange(0, size, 2) / size)
        make: Any = getattr(self, f"_{self.rope_type}")
        frequencies, scale = make(frequencies, base, size, context, positions)
        return Rotary(tuple(frequencies.tolist()), float(scale))

    def _default(self, frequencies: np.ndarray, *_: float) -> tuple[np.ndarray, float]:
        return frequencies, 1.0

    def _linear(self, frequencies: np.ndarray, *_: float) -> tuple[np.ndarray, float]:
        return frequencies / self.factor, 1.0

    def _dynamic(
        self, frequencies: np.ndarray, base: float, size: int, context: int, positions: int
    ) -> tuple[np.ndarray, float]:
        """Raise the base as far as the context goes beyond the model's."""
        growth = self.factor * max(context, positions) / positions - (self.factor - 1)
        return (base * growth ** (size / (size - 2))) ** (-np.arange(0, size, 2) / size), 1.0

    def _yarn(self, frequencies: np.ndarray, base: float, size: int, *_: int) -> tuple[np.ndarray, float]:
        """Divide low frequencies by the factor, keep high ones, and blend those between."""

        def pair(turns: float) -> float:
            """Return the pair that turns so often within the original context."""
            return size * math.log(self.original_max_position_embeddings / (turns * 2 * math.pi)) / (2 * math.log(base))

        low, high = pair(self.beta_fast), pair(self.beta_slow)
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, size - 1)
        ramp = np.clip((np.arange(size // 2) - low) / ((high - low) or 0.001), 0, 1)
        blended = frequencies / self.factor * ramp + frequencies * (1 - ramp)

        def mscale(weight: float) -> float:
            return 1.0 if self.factor <= 1 else 0.1 * weight * math.log(self.factor) + 1

        if self.attention_factor:
            return blended, self.attention_factor
        if self.mscale and self.mscale_all_dim:
            return blended, mscale(self.mscale) / mscale(self.mscale_all_dim)
        return blended, mscale(1)

    def _llama3(self, frequencies: np.ndarray, *_: float) -> tuple[np.ndarray, float]:
        """Divide low frequencies by the factor, keep high ones, and blend those between."""
        turns = self.original_max_position_embeddings * frequencies / (2 * math.pi)
        blend = np.clip((turns - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor), 0, 1)
        return frequencies * (blend + (1 - blend) / self.factor), 1.0

    def _longrope(
        self, frequencies: np.ndarray, base: float, size: int, context: int, positions: int
    ) -> tuple[np.ndarray, float]:
        """Divide each frequency by a number of its own."""
        original = self.original_max_position_embeddings
        name = "long_factor" if context > original else "short_factor"
        factors = np.array(getattr(self, name))
        if len(factors) != len(frequencies):
            raise ValueError(f"rope_scaling.{name} has {len(factors)} numbers: there must be {len(frequencies)}")
        growth = self.factor or positions / original
        scale = self.attention_factor or math.sqrt(1 + math.log(max(growth, 1.0)) / math.log(original))
        return frequencies / factors, scale
