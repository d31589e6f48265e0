"""Addresses as a user writes them."""

import pytest

from tilewright.sim.isa.memory_image import parse_address


@pytest.mark.parametrize(("text", "address"), [("0", 0), ("4096", 4096), ("0x1000", 4096)])
def test_an_address_is_decimal_or_hexadecimal(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "-1", "-0x10", "1.5", "x", "4 KiB"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="there must be a number of bytes"):
        parse_address(text)
