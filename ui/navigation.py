"""The pages: their titles and icons."""

from __future__ import annotations

PAGE_ICONS = {
    "overview": ":material/home:",
    "data": ":material/balance:",
    "tuning": ":material/tune:",
    "lineage": ":material/account_tree:",
    "registry": ":material/fact_check:",
    "bias": ":material/diversity_3:",
    "explainability": ":material/lightbulb:",
    "decisions": ":material/gavel:",
    "settings": ":material/settings:",
}
