"""Reasons as rows of a table, and as a notice to one applicant."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from core.analysis.explanations.reason_groups import ReasonError
from core.analysis.explanations.reasons import DeclineReasons, RowReasons


@dataclass(frozen=True)
class NoticeForm:
    """The text around the reasons. ``opening`` and ``closing``: before and after the list; ``source``: the text of law that asks for it, ""
    if none does; ``date``: of that text's version; ``note``: what the sender has to complete or to check."""

    opening: str
    closing: str = ""
    source: str = ""
    date: str = ""
    note: str = ""


PLAIN_NOTICE = NoticeForm(
    "We have decided not to approve your application. An automated assessment of the information about you contributed to this decision. "
    "The principal reasons for it are:"
)
US_CREDIT_NOTICE = NoticeForm(
    "Thank you for your application for credit. We are unable to approve it at this time. The principal reason(s) for this decision:",
    "Notice: The Federal Equal Credit Opportunity Act prohibits creditors from discriminating against credit applicants on the basis of "
    "race, color, religion, national origin, sex, marital status, age (provided the applicant has the capacity to enter into a binding "
    "contract); because all or part of the applicant's income derives from any public assistance program; or because the applicant has in "
    "good faith exercised any right under the Consumer Credit Protection Act. The Federal agency that administers compliance with this law "
    "concerning this creditor is [name and address].",
    source="12 CFR 1002.9(a)(2), (b)(1) and (b)(2); Appendix C to Part 1002",
    date="2026-07-21",
    note="Complete the agency, the creditor's name and address, and the date. Where a consumer report or a credit score of others was "
    "used, add what the Fair Credit Reporting Act asks for. The wording was compared with reprints, not with the official text.",
)
NOTICE_FORMS = {"": PLAIN_NOTICE, "US credit": US_CREDIT_NOTICE}
"""Jurisdiction -> the form of its notices; "": one that follows no law in particular."""


def tabulate_reasons(found: DeclineReasons) -> pd.DataFrame:
    """A line for each declined row: ``row`` (from 0), ``score``, ``reason 1`` and so on in words, each with its ``points`` and
    ``stability``, whether all this ``holds``, and ``why not``. Cells of reasons that a row doesn't have are empty.

    >>> from core.analysis.explanations.reasons import Reason, RowReasons
    >>> row = RowReasons(7, 0.8, (Reason("recent payment delays", 1.4, 1.0),), (), (), ())
    >>> table = tabulate_reasons(DeclineReasons((row,), {}, ReasonRules(limit=1), 500, 100, 20))
    >>> table.to_dict("records")[0]
    {'row': 7, 'score': 0.8, 'reason 1': 'recent payment delays', 'points 1': 1.4, 'stability 1': 1.0, 'holds': 'yes', 'why not': None}
    """
    lines = []
    for one in found.rows:
        line: dict[str, object] = {"row": one.row, "score": one.score}
        for number in range(found.rules.limit):
            reason = one.reasons[number] if number < len(one.reasons) else None
            line |= {
                f"reason {number + 1}": reason.words if reason else None,
                f"points {number + 1}": reason.points if reason else None,
                f"stability {number + 1}": reason.stability if reason else None,
            }
        lines.append(line | {"holds": "yes" if one.holds else "no", "why not": " ".join(one.problems) or None})
    columns = [f"{kind} {number + 1}" for number in range(found.rules.limit) for kind in ("reason", "points", "stability")]
    return pd.DataFrame(lines, columns=["row", "score", *columns, "holds", "why not"])


def write_notice(row: RowReasons, form: NoticeForm = PLAIN_NOTICE) -> str:
    """A sample notice to the applicant in ``row``: the decision was based on these principal reasons. It is a draft for a person to send.

    Raises ReasonError for a row without reasons, or one in which a prohibited feature counted as much as a reason.

    >>> from core.analysis.explanations.reasons import Reason, RowReasons
    >>> row = RowReasons(7, 0.8, (Reason("recent payment delays", 1.4, 1.0),), (), (), ())
    >>> print(write_notice(row).splitlines()[-1])
    1. Recent payment delays
    """
    if row.prohibited:
        features = ", ".join(row.prohibited)
        raise ReasonError(
            f"In row {row.row} {features} counted as much as a reason, and can't be one. A person has to look at this decision"
        )
    if not row.reasons:
        raise ReasonError(f"Row {row.row} has no reason that can be named. A person has to look at this decision")
    listed = [f"{number}. {one.words[:1].upper()}{one.words[1:]}" for number, one in enumerate(row.reasons, 1)]
    return "\n\n".join(part for part in (form.opening, "\n".join(listed), form.closing) if part)
