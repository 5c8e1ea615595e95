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
