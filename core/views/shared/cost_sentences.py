"""What jobs cost, in a line: before they're launched, and after they have ended. Every figure names the prices' date and region."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import pandas as pd

from core.views.shared.number_text import duration_text, money_text


class PriceTable(Protocol):
    """Prices of instances, as ``core.costs.prices.Prices``."""

    @property
    def date(self) -> dt.date: ...
    @property
    def region(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def file(self) -> str: ...
    def age(self) -> dt.timedelta: ...
    def is_outdated(self) -> bool: ...


class ExpectedCost(Protocol):
    """What a launch will take and cost, as ``core.costs.cost_estimates.CostEstimate``."""

    @property
    def jobs(self) -> int: ...
    @property
    def instance_types(self) -> tuple[str, ...]: ...
    @property
    def max_seconds(self) -> float: ...
    @property
    def max_cost(self) -> float | None: ...
    @property
    def known_jobs(self) -> int: ...
    @property
    def seconds(self) -> float | None: ...
    @property
    def shortest(self) -> float: ...
    @property
    def longest(self) -> float: ...
    @property
    def cost(self) -> float | None: ...
    @property
    def past_jobs(self) -> int: ...
    @property
    def same_rows(self) -> bool: ...
    @property
    def unpriced(self) -> tuple[tuple[str, str], ...]: ...


Table = TypeVar("Table", bound=PriceTable)
TableOfUsage = TypeVar("TableOfUsage", contravariant=True)


class JobUsage(Protocol[TableOfUsage]):
    """What ended jobs have used, as ``core.costs.usage.Usage``."""

    @property
    def use(self) -> str: ...
    @property
    def instance_type(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def jobs(self) -> int: ...
    def cost(self, prices: TableOfUsage) -> float | None: ...


def expected_cost_sentence(estimate: ExpectedCost, prices: PriceTable, *, region: str, local: bool) -> str:
    """What a launch will take and cost. ``region`` is where the jobs run; ``local`` says that this is on this machine, where nothing is
    billed."""
    many = estimate.jobs > 1
    if estimate.seconds is None:
        ended = f"{estimate.jobs} jobs, each ended" if many else "it is ended"
        said = f"Not measured here yet; {ended} after {_seconds_text(estimate.max_seconds / estimate.jobs)} at the latest."
    else:
        which = (
            f" of instance time for {estimate.jobs} jobs"
            if estimate.known_jobs == estimate.jobs
            else f" of instance time for {estimate.known_jobs} of {estimate.jobs} jobs"
        )
        said = f"About {_seconds_text(estimate.seconds)}{which if many else ''}"
        said += (
            f" ({_seconds_text(estimate.shortest)} to {_seconds_text(estimate.longest)})" if estimate.longest > estimate.shortest else ""
        )
        said += (
            f", by {estimate.past_jobs} earlier job{'s' if estimate.past_jobs > 1 else ''}{' on these rows' if estimate.same_rows else ''}"
        )
        said += "; the others weren't measured here yet." if estimate.known_jobs < estimate.jobs else "."
    if estimate.unpriced or estimate.max_cost is None:
        return f"{said} {_missing_price_text(estimate.unpriced, prices, local=local)}"
    most = f"at most {money_text(estimate.max_cost, prices.currency)}" + (
        f" for all {estimate.jobs}" if estimate.known_jobs < estimate.jobs and many else ""
    )
    price = most if estimate.cost is None else f"{_approximate_money(estimate.cost, prices.currency)}, {most}"
    return (
        f"{said} {_billing_text(price, local=local, past=False)} ({', '.join(estimate.instance_types)}; "
        f"{price_date_text(prices, region=region, local=local)})."
    )


def used_cost_sentence(usages: Sequence[JobUsage[Table]], prices: Table, *, region: str, local: bool) -> str:
    """What ended jobs have used and cost."""
    if not usages:
        return "The jobs behind it are not recorded."
    count, seconds = sum(u.jobs for u in usages), sum(u.seconds for u in usages)
    types = ", ".join(dict.fromkeys(f"{u.count} × {u.instance_type}" for u in usages))
    said = f"{f'{count} jobs, ' if count > 1 else ''}{_seconds_text(seconds)} on {types}."
    costs = [cost for u in usages if (cost := u.cost(prices)) is not None]
    if len(costs) < len(usages):
        missing = [(u.use, u.instance_type) for u in usages if u.cost(prices) is None]
        return f"{said} {_missing_price_text(tuple(dict.fromkeys(missing)), prices, local=local)}"
    price = _billing_text(_approximate_money(sum(costs), prices.currency), local=local, past=True)
    return f"{said} {price} ({price_date_text(prices, region=region, local=local)})."


def cost_table(usage_by_step: Mapping[str, JobUsage[Table]], prices: Table) -> pd.DataFrame:
    """A row for each step (by name) and their sum; the cost is missing where no price is known."""
    rows = [(step, u.jobs, f"{u.count} × {u.instance_type}", u.seconds, u.cost(prices)) for step, u in usage_by_step.items()]
    costs = [row[-1] for row in rows]
    whole = None if None in costs else sum(c for c in costs if c is not None)
    rows.append(("all", sum(row[1] for row in rows), "", sum(row[3] for row in rows), whole))
    return pd.DataFrame(rows, columns=["step", "jobs", "instances", "seconds billed", f"cost ({prices.currency})"])


def price_date_text(prices: PriceTable, *, region: str, local: bool) -> str:
    """The price list's date and region; its age where it is outdated, and the jobs' region where it is another."""
    old = f", {prices.age().days} days old" if prices.is_outdated() else ""
    elsewhere = "" if local or region == prices.region else f"; the jobs run in {region}"
    return f"prices of {prices.date}{old}, {prices.region}{elsewhere}"


def _seconds_text(seconds: float) -> str:
    """Seconds as they are billed: whole ones."""
    return f"{seconds:.0f} s" if seconds < 90 else duration_text(seconds)


def _approximate_money(value: float, currency: str) -> str:
    text = money_text(value, currency)
    return text if text.startswith("less") else f"≈ {text}"


def _billing_text(price: str, *, local: bool, past: bool) -> str:
    if local:
        return f"Nothing {'was' if past else 'is'} billed on this machine; that time on AWS: {price}"
    return price[0].upper() + price[1:]


def _missing_price_text(missing: Sequence[tuple[str, str]], prices: PriceTable, *, local: bool) -> str:
    names = ", ".join(f"{name} ({use})" for use, name in missing)
    free = "Nothing is billed on this machine. " if local else ""
    return f"{free}No price for {names} in the table: add it to {prices.file}."
