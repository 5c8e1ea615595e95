"""What a rationale must be: long enough, short enough, and made of words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from core.errors import DataError, GovernanceError
from core.ledger.event_body import EVENT_FORMAT

MIN_TEXT_LENGTH, MAX_TEXT_LENGTH = 20, 5_000
"""Characters of a rationale."""
MIN_DISTINCT_WORDS = 4
SIGNS_PER_WORD = 2
"""How many different characters count as a word in scripts that are written without spaces."""
UNSPACED_SCRIPTS = frozenset({"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"})
"""How Unicode's names of such characters begin."""
REQUIREMENT = f"at least {MIN_TEXT_LENGTH} characters and {MIN_DISTINCT_WORDS} different words"


def find_unsound_text(text: str, what: str, *, event_format: int = EVENT_FORMAT) -> Iterator[GovernanceError]:
    """The refusal of a rationale that is too short, too long, or says nothing: twenty dots, one word or letter repeated. ``event_format``:
    of the event that has it; up to format 2 only the length counted."""
    if len(text.strip()) < MIN_TEXT_LENGTH:
        yield DataError(f"The {what} is too short.", resource=what, hint=f"Write at least a sentence ({MIN_TEXT_LENGTH} characters).")
    elif len(text) > MAX_TEXT_LENGTH:
        yield DataError(f"The {what} is too long.", resource=what, hint=f"Keep it under {MAX_TEXT_LENGTH:,} characters.")
    elif event_format > 2 and count_distinct_words(text) < MIN_DISTINCT_WORDS:
        hint = f"Write a sentence, with at least {MIN_DISTINCT_WORDS} different words."
        yield DataError(f"The {what} says nothing.", resource=what, hint=hint)


def check_text(text: str, what: str) -> None:
    """Raises DataError for a rationale that ``find_unsound_text`` refuses."""
    for refusal in find_unsound_text(text, what):
        raise refusal


def count_distinct_words(text: str) -> int:
    """How many different words a text has, in any script. Words of the same letters count once (``a aa aaa``); where a script has no
    spaces, every two different characters count as a word."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    characters = [c for c in folded if unicodedata.category(c) != "Cf"]  # invisible ones, which would cut a word in two
    signs = {c for c in characters if unicodedata.name(c, "").split(" ")[0].split("-")[0] in UNSPACED_SCRIPTS and c.isalpha()}
    letters = "".join(c if unicodedata.category(c)[0] in "LM" and c not in signs else " " for c in characters)
    return len({frozenset(word) for word in letters.split()}) + len(signs) // SIGNS_PER_WORD
