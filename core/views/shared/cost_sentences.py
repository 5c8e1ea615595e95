"""What jobs cost, in a line: before they're launched, and after they have ended. The prices' date and region stand with every figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from core.views.tuning_words import duration

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def expected(found: Any, prices: Any, *, region: str, local: bool) -> str:
    """What a launch will take and cost. ``found`` is a ``core.costs.Expected``, ``prices`` a ``core.prices.Prices``. ``region`` is where
    the jobs run; ``local`` says that this is on this machine, where nothing is billed."""
    many = found.jobs > 1
    if found.seconds is None:
        ended = f"{found.jobs} jobs, each ended" if many else "it is ended"
        said = f"Not measured here yet; {ended} after {_time(found.most / found.jobs)} at the latest."
    else:
        which = (
            f" of instance time for {found.jobs} jobs"
            if found.known == found.jobs
            else f" of instance time for {found.known} of {found.jobs} jobs"
        )
        said = f"About {_time(found.seconds)}{which if many else ''}"
        said += f" ({_time(found.shortest)} to {_time(found.longest)})" if found.longest > found.shortest else ""
        said += f", by {found.past} earlier job{'s' if found.past > 1 else ''}{' on these rows' if found.same else ''}"
        said += "; the others weren't measured here yet." if found.known < found.jobs else "."
    if found.unpriced:
        return f"{said} {_unpriced(found.unpriced, prices, local=local)}"
    most = f"at most {money(found.most_cost, prices.currency)}" + (f" for all {found.jobs}" if found.known < found.jobs and many else "")
    price = most if found.cost is None else f"{_about(found.cost, prices.currency)}, {most}"
    return f"{said} {_billed(price, local=local, past=False)} ({', '.join(found.types)}; {as_of(prices, region=region, local=local)})."


def used(found: Sequence[Any], prices: Any, *, region: str, local: bool) -> str:
    """What jobs have used; ``found`` are ``core.costs.Usage``."""
    if not found:
        return "Which jobs went into it isn't recorded."
    count, seconds = sum(u.jobs for u in found), sum(u.seconds for u in found)
    types = ", ".join(dict.fromkeys(f"{u.count} × {u.instance_type}" for u in found))
    said = f"{f'{count} jobs, ' if count > 1 else ''}{_time(seconds)} on {types}."
    costs = [u.cost(prices) for u in found]
    if None in costs:
        missing = [(u.use, u.instance_type) for u in found if u.cost(prices) is None]
        return f"{said} {_unpriced(tuple(dict.fromkeys(missing)), prices, local=local)}"
    price = _billed(_about(sum(costs), prices.currency), local=local, past=True)
    return f"{said} {price} ({as_of(prices, region=region, local=local)})."


def table(found: dict[str, Any], prices: Any) -> pd.DataFrame:
    """A row for each step (name → ``core.costs.Usage``) and their sum; ``cost`` is missing where there's no price."""
    rows = [(step, u.jobs, f"{u.count} × {u.instance_type}", u.seconds, u.cost(prices)) for step, u in found.items()]
    costs = [row[-1] for row in rows]
    whole = None if None in costs else sum(c for c in costs if c is not None)
    rows.append(("all", sum(row[1] for row in rows), "", sum(row[3] for row in rows), whole))
    return pd.DataFrame(rows, columns=["step", "jobs", "instances", "seconds billed", f"cost ({prices.currency})"])


def as_of(prices: Any, *, region: str, local: bool) -> str:
    """The table's date and region; how old it is, and where the jobs run, where that should make one careful."""
    old = f", {prices.age().days} days old" if prices.old() else ""
    elsewhere = "" if local or region == prices.region else f"; the jobs run in {region}"
    return f"prices of {prices.date}{old}, {prices.region}{elsewhere}"


def money(value: float, currency: str) -> str:
    """``$2.30``; ``less than $0.01`` for what isn't nothing, and rounds to it."""
    sign = SIGNS.get(currency, f"{currency} ")
    return f"less than {sign}0.01" if 0 < value < 0.005 else f"{sign}{value:,.2f}"


def _time(seconds: float) -> str:
    """Seconds as they are billed: whole ones."""
    return f"{seconds:.0f} s" if seconds < 90 else duration(seconds)


def _about(value: float, currency: str) -> str:
    text = money(value, currency)
    return text if text.startswith("less") else f"≈ {text}"


def _billed(price: str, *, local: bool, past: bool) -> str:
    if local:
        return f"Nothing {'was' if past else 'is'} billed on this machine; that time on AWS: {price}"
    return price[0].upper() + price[1:]


def _unpriced(missing: Sequence[tuple[str, str]], prices: Any, *, local: bool) -> str:
    names = ", ".join(f"{name} ({use})" for use, name in missing)
    free = "Nothing is billed on this machine. " if local else ""
    return f"{free}No price for {names} in the table: add it to {prices.file}."
