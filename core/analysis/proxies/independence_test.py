"""Whether two columns of cells are independent: Pearson's X² against what shuffling the rows would give.

The mean and the variance of X² over all shuffles are known exactly (Haldane, Biometrika 1940; Dawson, Biometrika 1954); its tail is taken
as that of the gamma distribution with these two. With many rows in each cell this is the usual chi-squared test; with few (postcodes) the
usual one would find what isn't there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

Floats = NDArray[np.float64]
MIN_STRATUM = 4
"""With fewer rows the variance of X² isn't defined."""


def independence_p_value(tables: Floats) -> float:
    """The p-value of "within each stratum, cell and value are independent"; 1 where no table could show anything else.

    ``tables``: rows by stratum, cell and value, shape (strata, cells, values).

    >>> round(independence_p_value(np.array([[[40, 60], [60, 40]]])), 4), independence_p_value(np.array([[[40, 60], [40, 60]]]))
    (0.0047, 1.0)
    """
    tables = tables[tables.sum(axis=(1, 2)) >= MIN_STRATUM].astype(float)
    cells, values, n = tables.sum(axis=2), tables.sum(axis=1), tables.sum(axis=(1, 2))
    expected = cells[:, :, None] * values[:, None, :] / n[:, None, None]
    surprise = np.divide((tables - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0).sum()
    (v_cells, w_cells, free_cells), (v_values, w_values, free_values) = _margin_terms(cells, n), _margin_terms(values, n)
    mean = (n * free_cells * free_values / (n - 1)).sum()
    variance = (2 * n / (n - 3) * (v_cells - w_cells) * (v_values - w_values) + n * n / (n - 1) * w_cells * w_values).sum()
    if mean <= 0 or variance <= 1e-9 * mean:
        return 1.0
    return float(gammaincc(mean * mean / variance, surprise * mean / variance))


def _margin_terms(margin: Floats, n: Floats) -> tuple[Floats, Floats, Floats]:
    """What a margin, (strata, k), contributes to the moments of X²: v and w of Dawson's formula, and its degrees of freedom."""
    k = (margin > 0).sum(axis=1)
    reciprocals = np.divide(1, margin, out=np.zeros_like(margin), where=margin > 0).sum(axis=1)
    return (k - 1) * (n - k) / (n - 1), (n * reciprocals - k * k) / (n - 2), k - 1
