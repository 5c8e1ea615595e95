"""Which group of versions the registry shows, and which of its versions."""

from __future__ import annotations

import streamlit as st

from core.registry import model_packages, registry_types
from core.registry.registry_types import Package, Version
from ui import cache, session
from ui.components import links
from ui.registry import version_list


@st.cache_data(ttl="15m", max_entries=32, show_spinner="Reading the version …")
def read_package(cache_key: str, arn: str, status: str) -> Package:
    """A version with its reports; read again when its status changes."""
    return model_packages.read_package(session.target(), arn)


def select_group() -> str:
    """The chosen group: ``?group=``, or else the group of ``?package=``."""
    found = cache.cached_read(model_packages.list_groups)
    if cache.cached_read(model_packages.list_versions, registry_types.NO_GROUP, max_results=1):
        found.append(registry_types.NO_GROUP)
    if not found:
        links.show_empty_state(
            "No version is registered yet. Tune a model and register it, or run the whole workflow.", "overview", "To the overview"
        )
        st.stop()
    of_package = registry_types.group_from_arn(st.query_params.get("package", ""))
    if of_package in found and "group" not in st.query_params:
        st.query_params["group"] = of_package
    own = cache.cached_read(model_packages.list_own_groups)
    options = sorted(found, key=lambda name: (name not in own, name == registry_types.NO_GROUP, name))
    if len(options) == 1 and st.query_params.get("group", options[0]) == options[0]:
        return options[0]
    chosen = links.url_selectbox(
        "group", options, "Group", format_func=lambda name: "no group" if name == registry_types.NO_GROUP else name
    )
    if of_package and of_package != chosen:
        for name in {"package", "other"} & set(st.query_params):
            del st.query_params[name]
    return chosen


def list_versions(name: str) -> list[Version]:
    """The newest versions of the group, and those that the URL names."""
    found = cache.cached_read(model_packages.list_versions, name, max_results=version_list.list_limit())
    there = {version.arn for version in found}
    named = [st.query_params.get(key, "") for key in ("package", "other")]
    asked = [
        cache.cached_read(model_packages.find_version, arn)
        for arn in named
        if registry_types.group_from_arn(arn) == name and arn not in there
    ]
    return found + [version for version in asked if version is not None]
