"""The product's mathematics: pure functions of arrays and tables, without files, AWS or Streamlit; usable from a notebook.

``from core.analysis import post_training_bias`` and the like: the names in ``__all__`` are the public face. Each is loaded when it is first
used, so that importing this package costs nothing, and column kinds need neither xgboost nor shap.

Each room may import those below it, and none above:

- ``proxies``: where a disparity comes from: features that give groups away, what flows through them and what leaving them out costs; the
  rows where the model is worst;
- ``trials``: the trials of a tuning job judged on the same rows, and the Pareto front of performance and disparity;
- ``bias``: Clarify's bias metrics, their intervals, differences between two models, and what other thresholds would do;
- ``performance``: how well scores fit labels, with intervals, and paired differences between two models;
- ``explanations``: exact SHAP values of XGBoost models, what they say over many rows, and the reasons of declined ones;
- ``resampling``: splitting and rebalancing training rows;
- ``leaks``: what a table gives away: features that tell the label, ids among the features, rows that stand in it twice;
- ``tables``: reading a table as it is written, and what it contains: kinds of columns, profiles, histograms;
- ``intervals``: 95 % intervals and p-values, of shares and of draws.
"""

from typing import TYPE_CHECKING

__all__ = [
    "Applicants",
    "BiasDifference",
    "CalibrationBin",
    "ColumnError",
    "Confusion",
    "DeclineRates",
    "DeclineReasons",
    "Disparity",
    "DisparityFlow",
    "DroppingCost",
    "Estimate",
    "Explanation",
    "FacetReport",
    "FacetRows",
    "FeatureError",
    "Finding",
    "GroupColumn",
    "GroupTable",
    "Interval",
    "LeakFindings",
    "Metric",
    "MetricDefinition",
    "ModelError",
    "PartialDependence",
    "Performance",
    "PerformanceDifference",
    "Proxy",
    "ProxySearch",
    "ReasonRules",
    "RebalanceConfig",
    "Resampled",
    "ResamplingError",
    "RowFilterError",
    "ShapEstimate",
    "Share",
    "SideDeclines",
    "Split",
    "SplitError",
    "TableError",
    "TableReading",
    "ThresholdSweep",
    "TrialReport",
    "WorstSlices",
    "bin_group",
    "check_rebalancing",
    "compare_bias",
    "compare_distributions",
    "compare_performance",
    "compute_partial_dependence",
    "compute_shap_values",
    "count_leaked_rows",
    "decline_rates",
    "distance_from_parity",
    "evaluate_performance",
    "feature_importance",
    "find_definition",
    "find_leaks",
    "find_prohibited",
    "find_proxies",
    "find_reasons",
    "find_worst_slices",
    "flip_outcomes",
    "histogram_overlap",
    "importance_difference",
    "importance_share",
    "infer_column_kinds",
    "is_on_front",
    "judge_trials",
    "load_booster",
    "match_features",
    "mean_by_band",
    "measure_disparity_flow",
    "measure_dropping",
    "measure_groups",
    "metric_intervals",
    "metrics_with_intervals",
    "post_training_bias",
    "pre_training_bias",
    "predict_probabilities",
    "propose_groups",
    "rank_correlation",
    "read_table",
    "rebalance",
    "retrain_models",
    "reweighing_weights",
    "select_rows",
    "shap_gap",
    "share_difference",
    "share_with_interval",
    "split_rows",
    "summarise_columns",
    "summarise_groups",
    "sweep_thresholds",
    "tabulate_reasons",
    "to_integers",
    "top_contributions",
    "with_intervals",
    "write_notice",
]

if TYPE_CHECKING:
    from core.analysis.bias.bias_difference import BiasDifference, compare_bias
    from core.analysis.bias.bias_intervals import Interval, metric_intervals
    from core.analysis.bias.bias_metrics import Metric, post_training_bias, pre_training_bias, with_intervals
    from core.analysis.bias.decline_rates import DeclineRates, SideDeclines, decline_rates
    from core.analysis.bias.flip_test import flip_outcomes
    from core.analysis.bias.group_table import GroupColumn, GroupTable, measure_groups
    from core.analysis.bias.metric_registry import MetricDefinition, find_definition
    from core.analysis.bias.threshold_sweep import ThresholdSweep, metrics_with_intervals, sweep_thresholds
    from core.analysis.explanations.principal_reasons import ReasonRules
    from core.analysis.explanations.reason_groups import find_prohibited, propose_groups
    from core.analysis.explanations.reason_notice import tabulate_reasons, write_notice
    from core.analysis.explanations.reasons import Applicants, DeclineReasons, find_reasons
    from core.analysis.explanations.retrained_models import retrain_models
    from core.analysis.explanations.shap_summary import (
        ShapEstimate,
        feature_importance,
        importance_difference,
        importance_share,
        mean_by_band,
        rank_correlation,
        shap_gap,
        top_contributions,
    )
    from core.analysis.explanations.shap_values import Explanation, compute_shap_values, predict_probabilities
    from core.analysis.explanations.xgboost_model import ModelError, load_booster
    from core.analysis.intervals.proportions import Share, share_difference, share_with_interval
    from core.analysis.leaks.leak_findings import LeakFindings, find_leaks
    from core.analysis.performance.performance import CalibrationBin, Confusion, Performance, evaluate_performance
    from core.analysis.performance.performance_difference import PerformanceDifference, compare_performance
    from core.analysis.performance.performance_estimates import Estimate
    from core.analysis.proxies.disparity_flow import DisparityFlow, measure_disparity_flow
    from core.analysis.proxies.dropped_features import DroppingCost, measure_dropping
    from core.analysis.proxies.partial_dependence import PartialDependence, compute_partial_dependence
    from core.analysis.proxies.proxy_search import Proxy, ProxySearch, find_proxies
    from core.analysis.proxies.row_filter import RowFilterError, select_rows
    from core.analysis.proxies.worst_slices import WorstSlices, find_worst_slices
    from core.analysis.resampling.resampling import (
        RebalanceConfig,
        Resampled,
        ResamplingError,
        check_rebalancing,
        rebalance,
        reweighing_weights,
    )
    from core.analysis.resampling.splitting import Split, SplitError, count_leaked_rows, split_rows
    from core.analysis.tables.column_kinds import ColumnError, bin_group, infer_column_kinds, to_integers
    from core.analysis.tables.csv_cells import TableError
    from core.analysis.tables.feature_names import FeatureError, match_features
    from core.analysis.tables.histograms import compare_distributions, histogram_overlap
    from core.analysis.tables.table_profile import summarise_columns, summarise_groups
    from core.analysis.tables.table_reading import TableReading, read_table
    from core.analysis.tables.text_columns import Finding
    from core.analysis.trials.pareto_front import is_on_front
    from core.analysis.trials.trial_disparity import Disparity, distance_from_parity
    from core.analysis.trials.trial_reports import FacetReport, FacetRows, TrialReport, judge_trials
else:  # out of mypy's sight: a __getattr__ would make every misspelt name pass
    import importlib

    _MODULES = {
        name: module
        for module, names in {
            "bias.bias_difference": ("BiasDifference", "compare_bias"),
            "bias.bias_intervals": ("Interval", "metric_intervals"),
            "bias.bias_metrics": ("Metric", "post_training_bias", "pre_training_bias", "with_intervals"),
            "bias.decline_rates": ("DeclineRates", "SideDeclines", "decline_rates"),
            "bias.flip_test": ("flip_outcomes",),
            "bias.group_table": ("GroupColumn", "GroupTable", "measure_groups"),
            "bias.metric_registry": ("MetricDefinition", "find_definition"),
            "bias.threshold_sweep": ("ThresholdSweep", "metrics_with_intervals", "sweep_thresholds"),
            "explanations.principal_reasons": ("ReasonRules",),
            "explanations.reason_groups": ("find_prohibited", "propose_groups"),
            "explanations.reason_notice": ("tabulate_reasons", "write_notice"),
            "explanations.reasons": ("Applicants", "DeclineReasons", "find_reasons"),
            "explanations.retrained_models": ("retrain_models",),
            "explanations.shap_summary": (
                "ShapEstimate",
                "feature_importance",
                "importance_difference",
                "importance_share",
                "mean_by_band",
                "rank_correlation",
                "shap_gap",
                "top_contributions",
            ),
            "explanations.shap_values": ("Explanation", "compute_shap_values", "predict_probabilities"),
            "explanations.xgboost_model": ("ModelError", "load_booster"),
            "intervals.proportions": ("Share", "share_difference", "share_with_interval"),
            "leaks.leak_findings": ("LeakFindings", "find_leaks"),
            "performance.performance": ("CalibrationBin", "Confusion", "Performance", "evaluate_performance"),
            "performance.performance_difference": ("PerformanceDifference", "compare_performance"),
            "performance.performance_estimates": ("Estimate",),
            "proxies.disparity_flow": ("DisparityFlow", "measure_disparity_flow"),
            "proxies.dropped_features": ("DroppingCost", "measure_dropping"),
            "proxies.partial_dependence": ("PartialDependence", "compute_partial_dependence"),
            "proxies.proxy_search": ("Proxy", "ProxySearch", "find_proxies"),
            "proxies.row_filter": ("RowFilterError", "select_rows"),
            "proxies.worst_slices": ("WorstSlices", "find_worst_slices"),
            "resampling.resampling": (
                "RebalanceConfig",
                "Resampled",
                "ResamplingError",
                "check_rebalancing",
                "rebalance",
                "reweighing_weights",
            ),
            "resampling.splitting": ("Split", "SplitError", "count_leaked_rows", "split_rows"),
            "tables.column_kinds": ("ColumnError", "bin_group", "infer_column_kinds", "to_integers"),
            "tables.csv_cells": ("TableError",),
            "tables.feature_names": ("FeatureError", "match_features"),
            "tables.histograms": ("compare_distributions", "histogram_overlap"),
            "tables.table_profile": ("summarise_columns", "summarise_groups"),
            "tables.table_reading": ("TableReading", "read_table"),
            "tables.text_columns": ("Finding",),
            "trials.pareto_front": ("is_on_front",),
            "trials.trial_disparity": ("Disparity", "distance_from_parity"),
            "trials.trial_reports": ("FacetReport", "FacetRows", "TrialReport", "judge_trials"),
        }.items()
        for name in names
    }

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = found
        return found

    def __dir__():
        return sorted({*globals(), *__all__})
