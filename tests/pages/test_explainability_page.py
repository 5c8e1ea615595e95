"""The explainability page: links restore it, every figure has its sentence, a row is changed and predicted anew."""

from __future__ import annotations

import pytest

from core.reports import shap_jobs
from core.views.shared.number_text import format_number


@pytest.fixture(scope="module")
def jobs(target):
    return [job.name for job in shap_jobs.list_jobs(target)]


def text(test) -> str:
    return "\n".join(str(part.value) for part in [*test.markdown, *test.caption, *test.info, *test.warning])


def box(test, label):
    return next(found for found in test.selectbox if found.label == label)


def values(test) -> dict[str, str]:
    return {metric.label: metric.value for metric in test.metric}


def test_a_link_restores_both_explanations_the_feature_and_the_row(app, full, target, jobs):
    shap = shap_jobs.read_job_result(target, jobs[0])
    feature = sorted(shap.global_values)[0]
    test = app(full, "explainability", job=jobs[0], **{"with": jobs[1]}, feature=feature, row="7")
    assert not test.exception
    assert (box(test, "Explanation").value, box(test, "Compare with").value) == (jobs[0], jobs[1])
    assert box(test, "Feature").value == feature
    said = text(test)
    assert f"Row 7: the model predicts {100 * shap.predictions.iloc[7]:.2f} %" in said.replace("\\", "")


@pytest.mark.parametrize("row", ["-1", "many", "99999999"])
def test_a_row_that_is_not_there_is_set_right(app, full, jobs, row):
    test = app(full, "explainability", job=jobs[0], row=row)
    assert not test.exception
    assert not test.error


def test_two_models_on_the_same_rows_are_compared_pairwise(app, full, jobs):
    test = app(full, "explainability", job=jobs[0], **{"with": jobs[1]})
    table = next(frame.value for frame in test.dataframe if "beyond noise" in frame.value)
    assert set(table["beyond noise"]) <= {"yes", "no"}
    assert "differences are more than noise" in text(test)


def test_an_explanation_can_stand_alone(app, full, jobs):
    test = app(full, "explainability", job=jobs[0], **{"with": "none"})
    assert not test.exception
    assert not any("difference" in frame.value for frame in test.dataframe)
    assert "more than noise" not in text(test)


def test_sensitive_columns_are_marked_and_what_they_carry_is_said(app, full, target, jobs):
    known = shap_jobs.read_request(target, jobs[0])
    test = app(full, "explainability", job=jobs[0])
    table = next(frame.value for frame in test.dataframe if "sensitive" in frame.value)
    assert set(table[table["sensitive"] == "sensitive"]["feature"]) == set(known.sensitive)
    said = test.info[0].value.replace("\\", "")
    assert said.startswith(f"Sensitive columns that the model is given: {' and '.join(known.sensitive)}.")
    assert "95 % interval" in said


def test_the_highest_prediction_is_jumped_to_and_what_spoke_against_it_is_listed(app, full, target, jobs):
    shap = shap_jobs.read_job_result(target, jobs[0])
    test = app(full, "explainability", job=jobs[0])
    test.button(key="jump-Highest prediction").click().run()
    assert f"Row {int(shap.predictions.argmax()):,}" in text(test).replace("\\", "")
    assert "What counted most against this row" in text(test)
    test.button(key="jump-Lowest").click().run()
    assert "What counted most against this row" not in text(test)


def test_a_row_is_changed_within_what_was_seen_and_predicted_by_the_model(app, full, target, jobs):
    shap, known = shap_jobs.read_job_result(target, jobs[0]), shap_jobs.read_request(target, jobs[0])
    test = app(full, "explainability", job=jobs[0], row=str(int(shap.predictions.argmax())))
    assert "Prediction" not in values(test)
    test.toggle(key="what-if").set_value(True).run(timeout=60)
    assert not test.exception
    assert values(test)["Prediction"] == values(test)["What if"] == format_number(float(shap.predictions.max()), 4)
    assert "Nothing is changed yet" in text(test)
    control = test.selectbox(key=next(w.key for w in test.selectbox if w.key and w.key.endswith("-PAY_0")))
    assert set(control.options) == {f"{value:g}" for value in shap.data["PAY_0"].unique()}
    control.set_value(-1).run()
    row = shap.data.iloc[[int(shap.predictions.argmax())]].assign(PAY_0=-1)
    (wanted,) = shap_jobs.predict_rows(shap_jobs.load_model(target, known.model_uri), row)
    assert values(test)["What if"] == format_number(wanted, 4)
    assert "PAY_0 = -1 instead of" in text(test).replace("\\", "")
    for slider in test.slider:
        feature = slider.key.rpartition("-")[2]
        assert (slider.min, slider.max) == (shap.data[feature].min(), shap.data[feature].max())
