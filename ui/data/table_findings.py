"""What was found about a table before it is uploaded: findings and what is done, leaks, codes, a profile of its columns and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.analysis.tables import table_profile
from core.data.table_problems import Problem
from ui.components import markdown


def list_sentences(sentences: Sequence[str]) -> str:
    """Sentences as a list in Markdown, each as it is."""
    return "\n".join(f"- {markdown.escape_markdown(one)}" for one in sentences)


def show_findings(undecided: Sequence[Problem], done: Sequence[str]) -> None:
    """What a person must decide about the table, and everything that was found about it, with what is done."""
    if undecided:
        text = list_sentences([f"{problem.message} {problem.hint}" for problem in undecided])
        st.warning(f"**To be decided**\n\n{text}", icon=":material/rule:")
    if done:
        st.info(f"**What was found, and what is done** (change it above)\n\n{list_sentences(done)}", icon=":material/search:")


def show_leaks(found: Sequence[str]) -> None:
    """What the table gives away; nothing, if it gives nothing away."""
    if found:
        st.warning(f"**What the model should not learn from**\n\n{list_sentences(found)}", icon=":material/leak_add:")


def show_codes(coding: Mapping[str, Mapping[str, int]]) -> None:
    """What each text becomes in the uploaded table."""
    if coding:
        coded = [{"column": column, "text": text, "code": code} for column, codes in coding.items() for text, code in codes.items()]
        with st.expander("Codes", icon=":material/pin:"):
            st.dataframe(pd.DataFrame(coded), hide_index=True, alt="What each code stands for")


def show_profile(name: str, frame: pd.DataFrame, facet: str, columns: pd.DataFrame, groups: pd.DataFrame) -> None:
    """The label in each group, each column's profile, and the first rows."""
    st.markdown(markdown.escape_markdown(table_profile.group_extremes_sentence(groups, facet)))
    with st.expander("Profile, groups and first rows", icon=":material/table:"):
        shares = {c: st.column_config.NumberColumn(format="percent") for c in ("favourable", "low", "high")}
        st.dataframe(columns, hide_index=True, height=320, alt=f"Profile of each column of {name}", placeholder="–")
        st.dataframe(groups, hide_index=True, height="content", alt=f"Favourable labels by {facet}", column_config=shares)
        st.dataframe(frame.head(100), hide_index=True, height=280, alt=f"First rows of {name}")
