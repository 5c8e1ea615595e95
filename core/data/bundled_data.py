"""The credit-default rows that ship with the product, their roles, and what their codes mean."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from core.data.column_roles import ColumnRoles

BUNDLED_FILE = Path(__file__).parent / "uci_credit_default.csv.gz"
BUNDLED_ROLES = ColumnRoles("LABEL", 0, "SEX", 1, "AGE", ("EDUCATION", "MARRIAGE"), ("ID",))
BUNDLED_VALUE_NAMES = {
    "LABEL": {0: "paid", 1: "defaulted"},
    "SEX": {1: "men", 2: "women"},
    "EDUCATION": {1: "graduate school", 2: "university", 3: "high school", 4: "other education"},
    "MARRIAGE": {1: "married", 2: "single", 3: "other status"},
}
"""The meaning of the bundled rows' codes, from their data card."""
BUNDLED_REASONS = {
    "recent payment delays": ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"),
    "amounts owed": ("BILL_AMT1", "BILL_AMT2", "BILL_AMT3", "BILL_AMT4", "BILL_AMT5", "BILL_AMT6"),
    "amounts paid": ("PAY_AMT1", "PAY_AMT2", "PAY_AMT3", "PAY_AMT4", "PAY_AMT5", "PAY_AMT6"),
    "credit limit": ("LIMIT_BAL",),
    "education": ("EDUCATION",),
}
"""Words -> the bundled columns that are said together as one reason of a decline."""


def read_bundled() -> pd.DataFrame:
    """The 30,000 credit-default rows that ship with the product."""
    return pd.read_csv(BUNDLED_FILE)
