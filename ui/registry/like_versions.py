"""Two versions together if they can be compared; else each alone, with why, and what could be done instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.governance.validity import read_states
from core.registry import model_packages, registry_types, version_comparison
from core.registry.registry_types import TEST_ROWS_PROPERTY, Package, Version
from core.views.shared.number_text import format_percent
from ui import cache, session
from ui.components import links, markdown

MAX_OFFERED = 3
"""How many other versions are offered where two can't be compared."""
Draw = Callable[[dict[str, Package], str], None]
"""Draws a section for versions (label -> version) that can be compared, or for one; the text makes its widgets' keys unique."""


def find_like_versions(arn: str, versions: Sequence[Version]) -> list[str]:
    """The ARNs of the other versions that were registered with the same test rows as ``arn``, in the given order."""
    arns = [version.arn for version in versions]
    states = cache.cached_read(read_states, tuple(arns))
    rows = {one: (states[one].registered_properties or {}).get(TEST_ROWS_PROPERTY) for one in arns}
    return [one for one in arns if one != arn and rows[one] and rows[one] == rows[arn]]


@st.cache_data(ttl="15m", max_entries=64, show_spinner="Comparing the test rows …")
def read_unlike_reasons(cache_key: str, a: str, b: str) -> tuple[str, ...]:
    """Every reason why two versions can't be compared; () if they can be."""
    target = session.target()
    return version_comparison.explain_unlike_versions(
        target, model_packages.read_package(target, a), model_packages.read_package(target, b)
    )


@st.cache_data(ttl="15m", max_entries=64, show_spinner=False)
def read_tested_on(cache_key: str, arn: str) -> str:
    """On which rows a version was tested, in a sentence."""
    target = session.target()
    package = model_packages.read_package(target, arn)
    return version_comparison.describe_version_rows(target, package)


def group_like_versions(packages: dict[str, Package], like: Sequence[str], words: dict[str, str]) -> list[dict[str, Package]]:
    """Both versions as one group if they can be compared. Otherwise each is a group of its own, and the page says why, and offers what
    could be compared instead: the versions ``like`` the chosen one (the last), whose labels are in ``words``."""
    if len(packages) < 2:
        return [packages]
    (a, b), chosen = packages.values(), list(packages)[-1]
    reasons = read_unlike_reasons(session.cache_key(), a.arn, b.arn)
    if not reasons:
        return [packages]
    said = " ".join(map(markdown.escape_markdown, reasons))
    st.info(f"**These two can't be compared.** {said} Each is shown alone.", icon=":material/difference:")
    with st.container(horizontal=True):
        for arn in like[:MAX_OFFERED]:
            links.page_link("registry", f"Compare {chosen} with {words[arn]}", package=b.arn, other=arn)
        if data := b.properties.get("governance:rebalanced"):
            links.page_link("tuning", f"Train on the data of {chosen}", tab="new", data=data)
    return [{label: package} for label, package in packages.items()]


def draw_groups(groups: list[dict[str, Package]], draw: Draw) -> None:
    """A section for each group; a version that stands alone beside another has its name, its rows and their share of label 1."""
    for place, group in enumerate(groups):
        if len(groups) > 1:
            ((label, package),) = group.items()
            st.header(markdown.escape_markdown(label))
            share = (
                f"; {format_percent(package.performance['prevalence'])} of them have {registry_types.describe_labels([package])[1]}"
                if package.performance
                else ""
            )
            st.caption(markdown.escape_markdown(f"{read_tested_on(session.cache_key(), package.arn)}{share}."))
        draw(group, f"-{place}" if len(groups) > 1 else "")
