"""Larger tables for the benches: the bundled rows repeated, their amounts moved a little."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.data.bundled_data import read_bundled

JITTER = 0.05
FEW = 15
"""A column with at most so many different values is coded, and stays as it is."""


def repeated(rows: int, *, seed: int = 0) -> pd.DataFrame:
    """The bundled rows without ID, the first ``rows`` of them; where more are wanted, again from the first on, each amount that isn't
    0 multiplied by a random factor from 0.95 to 1.05 and rounded. Codes (SEX, EDUCATION, PAY_0 …), AGE and LABEL stay, so that the
    metrics do."""
    base = read_bundled().drop(columns="ID")
    random = np.random.default_rng(seed)
    times = -(-rows // len(base))
    columns = {}
    for name in base.columns:
        values = np.tile(base[name].to_numpy(), times)[:rows]
        if rows > len(base) and name != "AGE" and base[name].nunique() > FEW:
            factors = random.uniform(1 - JITTER, 1 + JITTER, rows - len(base))
            values[len(base) :] = np.rint(values[len(base) :] * factors)
        columns[name] = values
    return pd.DataFrame(columns)


def people(rows: int, *, columns: int = 20, seed: int = 0) -> pd.DataFrame:
    """A table as people have it: words, whole numbers and amounts, of which some go together. ``columns``: from 8 on; beyond the first
    seven, amounts with three decimals. The label is paid (yes, no), the facet sex (f, m), the group age."""
    random = np.random.default_rng(seed)
    wealth, risk = random.normal(size=rows), random.normal(size=rows)
    women = random.random(rows) < 0.4
    table = {
        "sex": np.where(women, "f", "m"),
        "age": np.clip(np.rint(40 + 12 * random.normal(size=rows)), 18, 90).astype(int),
        "region": random.choice(["north", "south", "east", "west", "centre", "islands"], rows),
        "work": random.choice(["full-time", "part-time", "self-employed", "none"], rows, p=[0.6, 0.2, 0.1, 0.1]),
        "income": np.round(np.exp(10 + 0.5 * wealth - 0.2 * women), 2),
        "debts": random.poisson(np.exp(0.5 + 0.4 * risk)),
    }
    for number in range(columns - 7):
        table[f"amount {number + 1}"] = np.round((wealth, risk)[number % 2] + random.normal(size=rows), 3)
    odds = 1.2 + 0.8 * wealth - 0.9 * risk + 0.02 * (table["age"] - 40) + random.logistic(size=rows)
    return pd.DataFrame({"paid": np.where(odds > 0, "yes", "no"), **table})
