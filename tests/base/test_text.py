"""Text of users on a terminal and in messages: it is shown as it is, and a terminal never obeys it."""

import io

from tilewright.base.tables import terminal_table
from tilewright.base.terminal import Terminal, styled
from tilewright.base.text import MAX_MESSAGE, one_line, printable, shortened, shown

EVIL = "[/red] see [Horowitz] :smile: \x1b[31mred\x07 \u202eturned \udcff"
SAFE = "[/red] see [Horowitz] :smile: \\x1b[31mred\\x07 \\u202eturned \\udcff"


def test_characters_that_a_terminal_obeys_are_escaped():
    assert printable(EVIL) == SAFE
    assert printable("µs, 日本, a\nb") == "µs, 日本, a\nb"
    assert printable("\r\t\x9b\u200b") == "\\r\\t\\x9b\\u200b"


def test_a_message_is_one_short_line():
    assert one_line(f"a\n  b {EVIL}") == f"a b {SAFE}"
    line = one_line(f"unknown '{'x' * 5000}' (one of: a, b)")
    assert line.startswith("unknown 'xxx")
    assert line.endswith("(5,002 characters) (one of: a, b)")
    assert len(line) < 300
    many = one_line("word " * 100_000)
    assert len(many) <= MAX_MESSAGE
    assert shortened("x" * 160) == "x" * 160


def test_values_are_shown_as_python_writes_them_but_short():
    assert shown("tiny") == "'tiny'"
    assert shown([1.5, None]) == "[1.5, None]"
    assert len(shown("x" * 5000)) < 100
    assert shown(list(range(100))) == "[0, 1, 2, 3, 4, 5, ...]"
    deep: list = []
    for _ in range(50):
        deep = [deep]
    assert len(shown(deep)) < 40


def test_tables_and_lines_print_text_as_it_is():
    written = io.StringIO()
    terminal = Terminal(file=written, width=200, force_terminal=True)
    terminal.print(terminal_table(("name",), [(EVIL,)], title=EVIL, caption=EVIL))
    terminal.print(EVIL)
    terminal.print(styled((EVIL, "bold"), " and ", EVIL))
    terminal.out(EVIL)
    text = written.getvalue()
    assert text.count("[/red] see [Horowitz] :smile: ") == 7
    assert text.count("\\x1b[31mred\\x07 \\u202eturned \\udcff") == 7
    assert not any(bad in text for bad in ("\x1b[31m", "\x07", "\u202e", "\udcff"))
