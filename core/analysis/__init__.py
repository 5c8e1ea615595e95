"""The product's mathematics: pure functions of arrays and tables, without files, AWS or Streamlit; usable from a notebook.

Each room may import those below it, and none above:

- ``trials``: the trials of a tuning job judged on the same rows, and the Pareto front of performance and disparity;
- ``bias``: Clarify's bias metrics, their intervals, differences between two models, and what other thresholds would do;
- ``performance``: how well scores fit labels, with intervals, and paired differences between two models;
- ``explanations``: exact SHAP values of XGBoost models, and what they say over many rows;
- ``resampling``: splitting and rebalancing training rows;
- ``tables``: what a table contains: kinds of columns, profiles, histograms;
- ``intervals``: 95 % intervals and p-values, of bootstrap draws and of proportions.
"""
