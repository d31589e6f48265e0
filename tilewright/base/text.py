"""Text from files, options and names, made safe to show: no control characters, no markup, no endless words."""

import reprlib

MAX_WORD = 160
"""Number of characters of the longest word that a message shows whole."""
MAX_MESSAGE = 1500
"""Number of characters of the longest message."""

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 80
_repr.maxdict = _repr.maxlist = _repr.maxtuple = 6
_repr.maxlevel = 3


def printable(text: str) -> str:
    """Return a text in which every character that a terminal could obey is written as its escape: ``\\x1b``.

    Line feeds stay. Characters that change the direction of text and bytes that were no UTF-8 are escaped, too.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else _escape(each) for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def shortened(text: str, most: int = MAX_WORD) -> str:
    """Return a text whose middle is left out if it has more than ``most`` characters; says how many it has."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}...{text[-most // 4 :]} ({len(text):,} characters)"


def one_line(message: str) -> str:
    """Return a message as one line that is safe to print and short enough to read."""
    words = (shortened(word) for word in printable(" ".join(message.split())).split(" "))
    line = " ".join(words)
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE * 2 // 3]} ... {line[-MAX_MESSAGE // 4 :]}"


def shown(value: object) -> str:
    """Return a value from a file as Python writes it, shortened if it is long or deep."""
    return _repr.repr(value)
