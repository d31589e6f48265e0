"""The page of precision: its text is that of the template, and its figures keep to what the text says."""

import re

from benchmarks.precision_table import MINILM_BUDGETS, PAGE, PICTURE, STORIES_BUDGETS, TEMPLATE, UNIFORM

HOLE = re.compile(r"\{(\w+)\}\n")


def tables() -> dict[str, list[list[str]]]:
    """Return the tables of the page that the template leaves open, by name, as rows of cells."""
    page, found = PAGE.read_text(), {}
    texts = HOLE.split(TEMPLATE.read_text())
    for before, name, after in zip(texts[::2], texts[1::2], texts[2::2], strict=False):
        start = page.index(before) + len(before)
        table = page[start : page.index(after, start)]
        found[name] = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()]
    return found


def test_the_page_is_the_template_with_its_tables():
    found = tables()
    assert len(found) == 8
    assert not HOLE.search(PAGE.read_text())
    assert PICTURE.exists()
    for name, budgets in (("minilm", MINILM_BUDGETS), ("stories", STORIES_BUDGETS)):
        rows = {row[0]: row for row in found[name][2:]}
        assert {f"`{each}`" for each in UNIFORM.split(",")} < set(rows)
        for budget in budgets:
            assert float(rows[f"**plan, {budget:g} bits**"][1]) <= budget
            assert {f"random, {budget:g} bits", f"by layer, {budget:g} bits"} < set(rows)


def test_plans_lose_less_than_what_has_no_more_bits():
    for name, column, sign in (("minilm", 3, -1), ("stories", 5, 1)):
        rows = tables()[name][2:]
        for plan in (row for row in rows if row[0].startswith("**")):
            for other in rows:
                if float(other[1]) <= float(plan[1]) and other != plan:
                    assert sign * float(plan[column]) < sign * float(other[column]), (plan, other)


def test_figures_are_those_that_were_aimed_at():
    found = tables()
    minilm = {row[0]: row for row in found["minilm"][2:]}
    assert float(minilm["**plan, 5 bits**"][3]) >= 0.985
    assert float(minilm["**plan, 5 bits**"][4]) >= 0.96
    for name in ("`int8/channel`", "`posit8_0/channel`"):
        assert float(minilm[name][3]) >= 0.998
        assert float(minilm[name][4]) >= 0.99
    for name in ("`bf16`", "`posit16_1`"):
        assert float(minilm[name][3]) >= 0.9999
    on_array = {row[0]: row for row in found["minilm_system"][2:]}
    plan, int8 = on_array["**plan, 4.5 bits**"], on_array["`int8/32`"]
    assert float(plan[3]) >= 0.985
    assert float(plan[4]) >= 0.96
    bytes_of, cycles_of = (lambda row, at=at: int(row[at].replace(",", "")) for at in (2, 7))
    assert bytes_of(minilm["`bf16`"]) >= 2.5 * bytes_of(plan)
    assert cycles_of(plan) < 0.8 * cycles_of(int8)
    assert float({row[0]: row for row in found["stories"][2:]}["**plan, 5.3 bits**"][4]) <= 1.03
    assert float({row[0]: row for row in found["stories_int8"][2:]}["**plan, 5.3 bits**"][4]) <= 1.035
