"""Every column that stands for a protected group, by its role or its name: is the model given it, and was bias measured by it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.analysis.tables.prohibited_bases import find_bases
from core.jobs.rebalancing_jobs import RebalancedData
from core.registry.registry_types import Package, version_value_names


@dataclass(frozen=True)
class BasisColumn:
    """A column. ``bases``: what its name speaks for, and ``jurisdictions``: those whose text names these; both empty for one that only its
    role tells. ``role``: facet, further facet or group; "" for one that only its name tells. ``is_input``: whether the model is given it;
    ``measured``: the groups whose bias was measured, in words; empty if none was."""

    column: str
    bases: tuple[str, ...]
    jurisdictions: tuple[str, ...]
    role: str
    is_input: bool
    measured: tuple[str, ...]


def find_basis_columns(package: Package, data: RebalancedData | None) -> tuple[BasisColumn, ...]:
    """The columns in the order of the table, those left out of it last. Without ``data`` only the facets and the explained features are
    known."""
    roles = _find_roles(package, data)
    inputs = set(data.manifest["features"]) if data else set(package.shap)
    columns = [*data.dataset.columns, *data.roles.ignored] if data else [*roles, *package.shap]
    measured, label = _find_measured(package, data), data.roles.label if data else ""
    found = []
    for column in dict.fromkeys(columns):
        bases = find_bases(column) if column != label else ()
        if bases or column in roles:
            texts = tuple(dict.fromkeys(text for basis in bases for text in basis.jurisdictions))
            names = tuple(basis.name for basis in bases)
            found.append(
                BasisColumn(column, names, texts, roles.get(column, ""), column in inputs, tuple(dict.fromkeys(measured.get(column, ()))))
            )
    return tuple(found)


def list_unmeasured(columns: Iterable[BasisColumn]) -> tuple[str, ...]:
    """The columns that the model is given and by which no bias was measured."""
    return tuple(one.column for one in columns if one.is_input and not one.measured)


def _find_roles(package: Package, data: RebalancedData | None) -> dict[str, str]:
    """Column -> its role. Of a threshold facet it is the column that it is made of."""
    if data is None:
        facets = package.bias.facets if package.bias else ()
        return {facet.facet: "facet" for facet in facets}
    roles, made_of = data.roles, dict(data.roles.derived)
    found = {roles.group: "group"} if roles.group else {}
    found |= {made_of.get(column, column): "further facet" for column, _ in roles.further_facets}
    return found | {made_of.get(roles.facet, roles.facet): "facet"}


def _find_measured(package: Package, data: RebalancedData | None) -> dict[str, list[str]]:
    """Column -> the groups by which bias was measured: the facets, and the groups of the report's table."""
    made_of, names = dict(data.roles.derived) if data else {}, version_value_names(package, data)
    found: dict[str, list[str]] = {}
    for facet in package.bias.facets if package.bias else ():
        found.setdefault(made_of.get(facet.facet, facet.facet), []).append(names.describe(facet.facet, facet.value))
    table = package.bias.group_table if package.bias else None
    for group in table.groups if table else ():
        if len(group.columns) == 1 and not group.why:
            found.setdefault(made_of.get(group.columns[0], group.columns[0]), []).append(group.name)
    return found
