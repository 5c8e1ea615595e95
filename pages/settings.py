"""Settings: the target, the settings in force, the check of the target, and the prices."""

from __future__ import annotations

from ui import router

router.require()

import streamlit as st

from ui import session
from ui.components.errors import show_raised_errors
from ui.components.markdown import escape_markdown
from ui.components.tabs import url_tabs
from ui.settings import price_table, target_check

st.title("Settings")
with show_raised_errors(stop=True):
    target = session.target()
    person = session.identity()
local = target.settings.target == "local"
where = "the embedded engine on this machine" if local else f"SageMaker, account {target.account}"
st.caption(
    f"Target: {where} · region {target.region} · bucket {escape_markdown(target.bucket)} · {escape_markdown(person.name)}, {person.role}"
)
in_force, checked, prices = url_tabs("settings", {"set": "What is set", "check": "Check", "prices": "Prices"})
with checked:
    if checked.open:
        target_check.show_check()
with in_force:
    if in_force.open:
        target_check.show_settings()
with prices:
    if prices.open:
        price_table.show_prices()
