"""The task of the model that comes with Tilewright: questions in words, and answers whose truth a program can check.

Sums and differences of numbers up to 99, the same in sentences about people who have, find, lose and give things, and
stories about people who go to places and take things with them. A question ends with ``is`` or ``?``; the rest is the
answer, which shows its working: it does the sum, or tells who has a thing, before it answers.

Numbers that belong together are learnt together: the pair of ``forty seven plus eighteen`` is also that of ``eighteen
plus forty seven`` and of both differences from ``sixty five``. A tenth of the pairs and a tenth of the stories are held
out: training never sees them, in no kind of question.
"""

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass


def _words(*lines: str) -> list[str]:
    return " ".join(lines).split()


SMALL = _words(
    "zero one two three four five six seven eight nine",
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
)
TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")
PEOPLE = _words(
    "anna ben carla david emma felix greta hugo ida jonas klara leo mia nora oskar paula rosa simon tina viktor"
)
PLACES = _words(
    "attic bakery barn bridge cellar church forest garden hall harbour kitchen library market mill museum park school",
    "shop station tower",
)
THINGS = _words(
    "ball book coat cup drum flute hat kite key lamp letter map mirror pen ring rope sword ticket umbrella watch"
)
COUNTED = _words(
    "apples beads buttons cards cherries coins eggs marbles nuts onions pears pebbles pencils plums potatoes ribbons",
    "seeds shells stamps stones",
)
END = "<end>"
OTHERS = _words("plus minus is . ? where who how many the in to has goes takes drops finds loses gives")
WORDS = [END, *OTHERS, *SMALL, *TENS, *PEOPLE, *PLACES, *THINGS, *COUNTED]
"""All words, in the order of their tokens."""

HELD_OUT = 10
"""One of so many pairs and stories is held out."""
LARGEST = 99
"""Largest number."""


@dataclass(frozen=True)
class Question:
    """A question and its answer, each as words with spaces between them."""

    kind: str
    text: str
    answer: str
    held_out: bool


def in_words(number: int) -> str:
    """Return a number from 0 to 99 in words."""
    if number < len(SMALL):
        return SMALL[number]
    return f"{TENS[number // 10 - 2]} {SMALL[number % 10]}" if number % 10 else TENS[number // 10 - 2]


def is_held_out(key: object) -> bool:
    """Return whether what a text stands for is kept from training."""
    return zlib.crc32(repr(key).encode()) % HELD_OUT == 0


def pair_held_out(a: int, b: int) -> bool:
    """Return whether a pair of numbers is kept from training, in both orders, and the differences from its sum."""
    return is_held_out((min(a, b), max(a, b)))


def total(a: int, b: int) -> Question:
    """Return the question after a sum."""
    return Question("sum", f"{in_words(a)} plus {in_words(b)} is", f"{in_words(a + b)} .", pair_held_out(a, b))


def difference(a: int, b: int) -> Question:
    """Return the question after a difference ``a - b`` that is not negative."""
    answer = f"{in_words(a - b)} ."
    return Question("difference", f"{in_words(a)} minus {in_words(b)} is", answer, pair_held_out(a - b, b))


def random_pair(rng: random.Random, least: int = 0) -> tuple[int, int]:
    """Return two numbers, both at least ``least``, whose sum is at most the largest number."""
    while True:
        a, b = rng.randint(least, LARGEST), rng.randint(least, LARGEST)
        if a + b <= LARGEST:
            return a, b


def random_total(rng: random.Random) -> Question:
    """Return the question after a sum."""
    return total(*random_pair(rng))


def random_difference(rng: random.Random) -> Question:
    """Return the question after a difference."""
    a, b = random_pair(rng)
    return difference(a + b, b)


def random_possessions(rng: random.Random) -> Question:
    """Return a question after things of which somebody gets some or loses some; the answer does the sum first."""
    one, other = rng.sample(PEOPLE, 2)
    what = rng.choice(COUNTED)
    a, b = random_pair(rng, 2)
    if rng.random() < 0.5:
        work, result = total(a, b), a + b
        before = a
        event = rng.choice((f"{one} finds {in_words(b)} {what}", f"{other} gives {one} {in_words(b)} {what}"))
    else:
        work, result = difference(a + b, b), a
        before = a + b
        verb = rng.choice(("loses", "drops", f"gives {other}"))
        event = f"{one} {verb} {in_words(b)} {what}"
    return Question(
        "possessions",
        f"{one} has {in_words(before)} {what} . {event} . how many {what} has {one} ?",
        f"{work.text} {work.answer} {one} has {in_words(result)} {what} .",
        work.held_out,
    )


class World:
    """People who go to places and take things with them."""

    def __init__(self, rng: random.Random, people: int):
        self.rng = rng
        self.people = rng.sample(PEOPLE, people)
        self.things = rng.sample(THINGS, 2)
        self.places = rng.sample(PLACES, rng.choice((2, 3, 4)))
        self.where: dict[str, str] = {}
        """Places of people."""
        self.holder: dict[str, str] = {}
        """People who have things."""

    def happens(self) -> str:
        """Return the sentence of something that can happen, and let it happen."""
        rng = self.rng
        person = rng.choice(self.people)
        here = self.where.get(person)
        free = [each for each in self.things if each not in self.holder]
        if here and free and rng.random() < 0.4:
            thing = rng.choice(free)
            self.holder[thing] = person
            return f"{person} takes the {thing} ."
        self.where[person] = rng.choice([each for each in self.places if each != here])
        return f"{person} goes to the {self.where[person]} ."

    def question(self) -> tuple[str, str]:
        """Return a question that the sentences answer, and the answer; that after a thing tells first who has it."""
        rng = self.rng
        lot = rng.random()
        if self.holder and lot < 0.7:
            thing = rng.choice(sorted(self.holder))
            person = self.holder[thing]
            if lot < 0.2:
                return f"who has the {thing} ?", f"{person} has the {thing} ."
            place = self.where[person]
            answer = f"{person} has the {thing} . {person} is in the {place} . the {thing} is in the {place} ."
            return f"where is the {thing} ?", answer
        person = rng.choice(sorted(self.where))
        return f"where is {person} ?", f"{person} is in the {self.where[person]} ."


def random_story(rng: random.Random) -> Question:
    """Return a question after the place of a person or a thing, or after who has a thing."""
    world = World(rng, rng.choice((1, 2, 2, 3)))
    sentences = [world.happens() for _ in range(rng.randint(1, 5))]
    asked, answer = world.question()
    text = f"{' '.join(sentences)} {asked}"
    return Question("story", text, answer, is_held_out(text))


def story_with_questions(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """Return at most ``count`` questions and answers about one story of three people, which the first question begins
    with; all are different, and none is held out."""
    world = World(rng, 3)
    story = " ".join(world.happens() for _ in range(5))
    found: dict[str, str] = {}
    for _ in range(3 * count):
        asked, answer = world.question()
        if len(found) < count and not is_held_out(f"{story} {asked}"):
            found[asked] = answer
    return [(asked if index else f"{story} {asked}", answer) for index, (asked, answer) in enumerate(found.items())]


KINDS: dict[str, Callable[[random.Random], Question]] = {
    "sum": random_total,
    "difference": random_difference,
    "possessions": random_possessions,
    "story": random_story,
}
"""Kinds of questions, and functions that make one."""


def question_of(kind: str, rng: random.Random, *, held_out: bool) -> Question:
    """Return a random question of a kind, of those for training or of those that are held out."""
    while True:
        question = KINDS[kind](rng)
        if question.held_out == held_out:
            return question
