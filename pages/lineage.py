"""Lineage: which data, jobs and decisions led to a model, and what was made from it."""

from __future__ import annotations

from ui import router

router.require()

import streamlit as st

from ui import session
from ui.components import errors, links
from ui.lineage import graph_panel, start_choice

st.title("Lineage")
known: dict[str, str] | None = None
with errors.show_raised_errors(stop=True):
    wanted = start_choice.node_from_url()
with errors.show_raised_errors():
    known = start_choice.list_start_nodes(session.cache_key())
if known == {} and wanted is None:
    links.show_empty_state("Nothing is recorded yet. Lineage starts with the first training job.", "overview", "To the overview")
    st.stop()
one, two, three, four = st.columns([4, 3, 3, 2])
with two, errors.show_raised_errors():
    start_choice.search_form()
if not known and wanted is None:
    st.stop()
with one:
    known = known or {}
    options = known if wanted is None or wanted in known else {wanted: graph_panel.node_name_or_id(wanted), **known}
    arn = links.url_selectbox("arn", list(options), "Start", format_func=options.__getitem__)
with three:
    direction = start_choice.select_direction()
with four:
    hops = start_choice.hops_slider()
with errors.show_raised_errors():
    graph_panel.show_graph(start_choice.read_graph(session.cache_key(), arn, hops, direction))
