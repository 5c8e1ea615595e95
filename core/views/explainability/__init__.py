"""SHAP values as figures, tables and sentences."""
