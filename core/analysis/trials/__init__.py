"""The trials of a tuning job judged on the same rows: performance, disparities, and which of them are on the Pareto front."""
