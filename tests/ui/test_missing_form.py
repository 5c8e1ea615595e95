"""What is done with empty cells is chosen per column: only what fits the column is offered."""

from __future__ import annotations

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest


def page(frame):
    import streamlit as st

    from ui.data.missing_form import choose_missing

    st.text(repr(choose_missing("k", frame, list(frame), {"grade"}, {"risk"})))


def run(**columns):
    return AppTest.from_function(page, kwargs={"frame": pd.DataFrame(columns)}).run()


@pytest.mark.slow
def test_each_column_with_gaps_has_a_select_of_what_fits_it_and_keeps_its_gaps_by_itself():
    app = run(age=[1.5, None], grade=[1, None], region=["a", None], risk=["low", None], full=[1, 2], none=[None, None])
    offered = {select.label.partition(" ")[0]: select.options for select in app.selectbox}
    keep, category, median, drop = "they stay empty", "a category of their own", "the median of the training rows", "leave those rows out"
    assert offered == {
        "age": [keep, median, drop, "a value"],
        "grade": [keep, category, median, drop, "a value"],
        "region": [keep, category, drop, "a value"],
        "risk": [keep, median, drop, "a value"],
    }
    assert app.text[0].value == "()"
    app.selectbox[0].select("median")
    app.selectbox[2].select("a value")
    app.run()
    app.text_input[0].set_value(" west ").run()
    assert app.text[0].value == "(('age', 'median'), ('region', 'west'))"
    assert not run(age=[1, 2]).selectbox


@pytest.mark.slow
def test_of_many_columns_those_to_treat_are_chosen_first():
    app = run(**{f"c{i}": [i, None] for i in range(20)})
    assert not app.selectbox
    app.multiselect[0].select("c3").run()
    app.selectbox[0].select("drop").run()
    assert app.text[0].value == "(('c3', 'drop'),)"
