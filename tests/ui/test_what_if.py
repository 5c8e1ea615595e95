"""What if a value were missing, or weren't: the widgets offer both."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest


def page(values, value):
    import pandas as pd
    import streamlit as st

    from core.analysis.tables.value_names import ValueNames
    from ui.explainability.what_if import value_input

    chosen = value_input("income", pd.Series(values), value, "income", sensitive=False, names=ValueNames())
    st.text(repr(float(chosen)))


def run(values, value):
    return AppTest.from_function(page, kwargs={"values": values, "value": value}).run()


def test_few_values_are_a_list_with_the_missing_one():
    app = run([1.0, 2.0, np.nan], np.nan)
    assert (app.selectbox[0].options, app.text[0].value) == (["1", "2", "empty"], "nan")
    assert app.selectbox[0].select(2).run().text[0].value == "2.0"
    assert run([1.0, 2.0], 1.0).selectbox[0].options == ["1", "2"]


@pytest.mark.parametrize("whole", [True, False])
def test_many_values_are_a_slider_and_the_missing_one_is_a_switch(whole):
    values = [*np.arange(30) * (1.0 if whole else 0.5), np.nan]
    app = run(values, np.nan)
    assert (app.toggle[0].value, app.slider[0].disabled, app.text[0].value) == (True, True, "nan")
    app.toggle[0].set_value(False)
    app.run()
    assert app.text[0].value == repr(float(values[15]))
    assert (app.slider[0].min, app.slider[0].max) == (0, values[29])
    assert not run(values[:-1], 3.0).toggle


def test_a_feature_without_any_value_says_so():
    assert "no value in any row" in run([np.nan, np.nan], np.nan).caption[0].value
