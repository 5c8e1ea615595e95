"""A rationale says something, in whatever script; what repeats itself doesn't."""

from __future__ import annotations

from string import ascii_lowercase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.governance.rationales import MIN_TEXT_LENGTH, find_unsound_text

SAYING = [
    "All gates pass, by a wide margin.",
    "Alle Grenzwerte sind eingehalten, auch bei Frauen.",
    "所有门槛均已通过，女性与男性之间没有显著差异，因此批准。",
    "すべての基準を満たしており、リスクは許容できる範囲です。",
    "ผ่านเกณฑ์ทั้งหมดและไม่มีความแตกต่างระหว่างกลุ่ม",
    "모든 기준을 통과했고 남녀 차이는 허용 범위입니다.",
    "सभी जाँचें पास हुईं और अंतर सीमा के भीतर है",
    "כל הבדיקות עברו והפער בין הקבוצות קטן",
    "तीसरी बार देखा गया; ROC 0.79 ≥ 0.70 — ठीक है, मंज़ूर।",
]
SAYING_NOTHING = [
    "." * 20,
    "x" * 20,
    "a aa aaa aaaa aaaaa aaaaaa",
    "good good good good good",
    "Good GOOD good ｇｏｏｄ good.",
    "ok\u200b ok\u200c o\u200dk ok ok ok ok ok",
    "1234567890 1234567890 42 7",
    "好好好好好好好好好好好好好好好好好好好好",
    "同意同意同意同意同意同意同意同意同意同意",
    "!?! --- ... ,,, ;;; ((( ))) ###",
    "👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍",
]


def words(text, event_format=3):
    return [error.message for error in find_unsound_text(text, "rationale", event_format=event_format)]


@pytest.mark.parametrize("text", SAYING)
def test_a_sentence_of_any_script_is_a_rationale(text):
    assert words(text) == []


@pytest.mark.parametrize("text", SAYING_NOTHING)
def test_what_repeats_itself_or_has_no_words_is_none_but_was_one_in_earlier_events(text):
    assert words(text) == ["The rationale says nothing."]
    assert words(text, 2) == words(text, 1) == []


@given(st.lists(st.text(ascii_lowercase, min_size=1, max_size=8), min_size=1, max_size=3), st.integers(0, 50))
@settings(deadline=None)
def test_up_to_three_words_say_nothing_however_often_they_are_repeated(few, more):
    once = " ".join(few)
    assert words(" ".join([once] * (MIN_TEXT_LENGTH // len(once) + 1 + more))) == ["The rationale says nothing."]


@given(st.text(st.characters(categories=["P", "Z", "Cf", "Nd"]), min_size=20, max_size=200))
@settings(deadline=None)
def test_without_a_letter_nothing_is_said(text):
    assert len(words(text)) == 1
