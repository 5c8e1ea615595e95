"""Why a model predicts what it does: exact SHAP values of XGBoost models, and summaries of them over many rows."""
