"""Names of the states of a finite state machine, as attributes of its register in Verilog."""

from typing import Any


def name_states(fsm: Any) -> None:
    """Give the register of a finished ``with m.FSM() as fsm:`` the names of its states as attributes.

    Yosys and Amaranth write enumerations in the same way: ``enum_base_type``, and ``enum_value_BITS`` for each name.
    """
    width = len(fsm.state)
    fsm.state.attrs["enum_base_type"] = "State"
    for name, code in fsm.encoding.items():
        fsm.state.attrs[f"enum_value_{code:0{width}b}"] = name
