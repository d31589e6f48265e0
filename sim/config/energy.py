"""Energy of the operations on chip."""

from typing import Annotated

from pydantic import Field

from .base import Frozen

Energy = Annotated[float, Field(ge=0)]


class EnergyConfig(Frozen):
    """Energy of each counted event. Leakage and clock tree are not counted."""

    mac_pj: Energy
    """One multiply-accumulate in the CIM array, at its weight and input widths."""
    weight_write_pj_per_bit: Energy
    """Writing one bit into the CIM array."""
    activation_read_pj_per_bit: Energy
    """Reading or writing one bit of the activation memory."""
    vector_element_pj: Energy
    """One element in one pass of the vector unit."""
