"""Which trials are on the Pareto front of performance and disparity."""

from __future__ import annotations

import numpy as np
import pandas as pd


def is_on_front(performance: pd.Series[float], distance: pd.Series[float]) -> pd.Series[bool]:
    """Which are on the Pareto front: no other does at least as well on both and better on one. NaN is never on it.

    >>> import pandas as pd
    >>> is_on_front(pd.Series([0.80, 0.78, 0.75]), pd.Series([0.10, 0.02, 0.05])).tolist()
    [True, True, False]
    """
    on = pd.Series(False, index=performance.index)
    known = pd.DataFrame({"p": performance, "d": distance}).dropna().sort_values(["p", "d"], ascending=[False, True])
    nearest = np.inf
    for _, rows in known.groupby("p", sort=False):
        if rows["d"].iloc[0] < nearest:
            nearest = rows["d"].iloc[0]
            on.loc[rows.index[rows["d"] == nearest]] = True
    return on
