"""Energy of the events on chip."""

from typing import Annotated

from pydantic import Field, field_validator

from .base import Frozen
from .published_macro import check_published_macro

Energy = Annotated[float, Field(ge=0, le=1e9)]


class EnergyConfig(Frozen):
    """Energy of each counted event; leakage and clock tree are not counted."""

    mac_pj: Energy
    """Energy of one multiply-accumulate in the CIM array, at its weight and input widths."""
    weight_write_pj_per_bit: Energy
    """Energy of writing one bit into the CIM array."""
    activation_read_pj_per_bit: Energy
    """Energy of reading or writing one bit of the activation memory."""
    vector_element_pj: Energy
    """Energy of one element in one pass of the vector unit."""
    npe_mac_4_bits_pj: Energy | None = None
    """Energy of one multiply-accumulate of the NPE with operands of 4 bits; it is not counted if the key is absent."""
    npe_mac_8_bits_pj: Energy | None = None
    """Energy of one multiply-accumulate of the NPE with operands of 8 bits; it is not counted if the key is absent."""
    npe_mac_16_bits_pj: Energy | None = None
    """Energy of one multiply-accumulate of the NPE with operands of 16 bits; it is not counted if the key is absent."""
    macro: str | None = None
    """Name of a published CIM macro whose energy a multiply-accumulate takes instead of mac_pj."""

    @field_validator("macro")
    @classmethod
    def _known_macro(cls, name: str | None) -> str | None:
        if name is not None:
            check_published_macro(name)
        return name
