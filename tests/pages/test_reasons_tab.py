"""The explainability page's tab of reasons: the form starts a job with the words that were edited, and its result is said and shown."""

from __future__ import annotations

from core.jobs import jobs
from core.reports import reasons_jobs


def said(test) -> str:
    return "\n".join(str(part.value) for part in [*test.markdown, *test.caption]).replace("\\", "")


def test_the_form_starts_a_job_and_its_result_is_said_and_found_again_by_its_link(app, full, target):
    test = app(full, "explainability", tab="reasons")
    assert not test.exception
    assert "Never a reason: SEX, MARRIAGE, AGE" in said(test)
    next(button for button in test.button if button.label == "Find reasons and proxies").click().run()
    assert not test.exception
    job = test.query_params["reasons"]
    job = job[0] if isinstance(job, list) else job
    jobs.wait_for_jobs(target, [("processing", job)])
    request = reasons_jobs.read_request(target, job)
    assert request["groups"]["recent payment delays"][0] == "PAY_0"
    again = app(full, "explainability", tab="reasons", reasons=job)
    assert not again.exception
    text = said(again)
    assert "declined rows have the same reasons by both methods" in text
    assert "away most: a guess from it is right in" in text or "No feature gives a protected group away" in text
    assert "Wrong most often where" in text or "No slice of" in text
    assert [found.value for found in again.subheader][:2] == ["Why rows are declined", "What gives protected groups away"]
    again.text_input(key="rows-filter").set_value("AGE > 60 and SEX = women").run()
    assert not again.exception
    shown = next(frame.value for frame in again.dataframe if "LIMIT_BAL" in frame.value.columns)
    assert len(shown)
    assert (shown["AGE"] > 60).all()
    assert set(shown["SEX"]) == {"women"}
    again.text_input(key="rows-filter").set_value("AGEE > 60").run()
    assert "There is no column AGEE" in again.error[0].value
