"""The Clarify container on small tables of strangers, each with the value that is right for it."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shutil

import pypdf
import pytest
from paths import ROOT

from core.analysis.performance.performance import evaluate_performance
from core.analysis.tables.value_names import ValueNames
from engine.containers import ContainerError, clarify_html
from engine.containers.clarify import main
from engine.containers.clarify_report import ClarifyReport

CASES = ROOT / "tests/data/cases"
PARTS = {"analysis_config.json": "config", "data.csv": "data", "model.tar.gz": "model"}


def run_case(root, name, config="analysis_config.json"):
    """The output folder of the container on a case, and its analysis.json."""
    for file, part in PARTS.items():
        folder = root / "opt/ml/processing/input" / part
        folder.mkdir(parents=True)
        source = CASES / name / (config if part == "config" else file)
        if source.exists():
            shutil.copy(source, folder / file)
    return run(root)


def run_table(root, rows, **config):
    """The same on a table (its first line: the names) of which bias is measured by sex in paid = 1, unless ``config`` says otherwise."""
    table = io.StringIO()
    csv.writer(table).writerows(rows)
    settings = {
        "dataset_type": "text/csv",
        "label": "paid",
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
        "methods": {"pre_training_bias": {"methods": "all"}},
    }
    for part, name, content in (
        ("config", "analysis_config.json", json.dumps(settings | config)),
        ("data", "data.csv", table.getvalue()),
    ):
        folder = root / "opt/ml/processing/input" / part
        folder.mkdir(parents=True)
        (folder / name).write_text(content)
    return run(root)


def run(root):
    main(root, {})
    output = root / "opt/ml/processing/output"
    return output, json.loads((output / "analysis.json").read_text(), parse_constant=pytest.fail)


def metrics_of(analysis, stage, facet):
    return {metric["name"]: metric for metric in analysis[f"{stage}_bias_metrics"]["facets"][facet][0]["metrics"]}


@pytest.mark.slow
@pytest.mark.parametrize("config", ["analysis_config.json", "analysis_config_named.json"])
def test_every_value_of_a_facet_keeps_its_words_and_interval(tmp_path, config):
    _, analysis = run_case(tmp_path, "facet-three-values", config)
    measured = {one["value_or_threshold"]: one["metrics"] for one in analysis["pre_training_bias_metrics"]["facets"]["country"]}
    words = analysis["governance"]["metrics"]["pre_training_bias_metrics"]["country"]
    assert set(words) == set(measured) == {"DE", "FR", "NL"}
    for value, metrics in measured.items():
        for metric in metrics:
            about = words[value][metric["name"]]
            assert about["in_words"]
            if metric["value"] is not None:
                low, high = (float(about["interval"][end]) for end in ("low", "high"))  # "Infinity" is text in JSON
                assert low <= float(metric["value"]) <= high, (value, metric["name"])


def test_a_favourable_value_that_no_row_has_is_refused_before_anything_is_computed(tmp_path):
    with pytest.raises(ContainerError) as refused:
        run_case(tmp_path, "label-typo")
    message = str(refused.value)
    assert "no row has the value 'no fraud'" in message
    assert "'Clean' (" in message
    assert "'Fraud' (" in message
    assert not (tmp_path / "opt/ml/processing/output").exists()


@pytest.mark.parametrize(
    ("labels", "favourable", "reason"),
    [
        ("yyn", ["y", "yes"], "no row has the value 'yes' of label_values_or_threshold; its values are 'y' (2 rows), 'n' (1 row)"),
        ("101", [2], "no row has the value 2 of label_values_or_threshold; its values are 1 (2 rows), 0 (1 row)"),
        (["", "", ""], [1], "label paid is empty in every row"),
        ([f"{i}.5" for i in range(3)], [9.5], "no row is above label_values_or_threshold 9.5; its values reach from 0.5 to 2.5"),
    ],
)
def test_favourable_values_without_rows_are_named_with_the_values_there_are(tmp_path, labels, favourable, reason):
    rows = [["sex", "paid"], *zip("fmf", labels, strict=True)]
    with pytest.raises(ContainerError) as refused:
        run_table(tmp_path, rows, label_values_or_threshold=favourable)
    assert reason in str(refused.value)


def test_a_model_that_accepts_nobody_has_no_ratio_of_acceptance_rates(tmp_path):
    output, analysis = run_case(tmp_path, "nobody-accepted")
    metrics = metrics_of(analysis, "post_training", "sex")
    words = analysis["governance"]["metrics"]["post_training_bias_metrics"]["sex"]["d"]
    assert metrics["DPPL"]["value"] == 0
    for name in ("DI", "DAR"):
        assert metrics[name]["value"] is None
        assert metrics[name]["error"].startswith("Nobody is accepted")
        assert words[name]["in_words"] == f"Can't be computed. {metrics[name]['error']}."
        assert "interval" not in words[name]
    assert (metrics["DCA"]["value"], words["DCA"]["interval"]["low"]) == (0, None)  # infinite on both sides: no interval from 0 to 0
    report = (output / "report.html").read_text()
    assert "less often" not in report
    assert "undefined" in report
    assert metrics["DPPL"]["value"] == 0


@pytest.mark.parametrize(
    ("labels", "favourable", "predictions", "said"),
    [
        ("1 0 1 0", 1, "0.9 0.2 0.7 0.55", "0.9 (1 row), 0.2 (1 row), 0.7 (1 row), 0.55 (1 row); the label's values are 1 (2 rows)"),
        ("1 0 1 0", 1, "2 1 2 1", "predicted_label predicted has values that label paid doesn't have: 2 (2 rows)"),
        ("y n y n", "y", "1 0 1 0", "1 (2 rows), 0 (2 rows); the label's values are 'y' (2 rows), 'n' (2 rows)"),
        ("yes no yes no", "yes", "Yes no yes no", "predicted_label predicted has values that label paid doesn't have: 'Yes' (1 row)"),
        ("1.5 2.5 3.5 4.5", 2, "a b a b", "label paid is continuous, with the threshold 2"),
    ],
)
def test_predictions_that_are_not_labels_are_refused(tmp_path, labels, favourable, predictions, said):
    rows = zip("fmfm", labels.split(), predictions.split(), strict=True)
    post = {"post_training_bias": {"methods": ["DPPL"]}}
    with pytest.raises(ContainerError, match=re.escape(said)):
        run_table(
            tmp_path,
            [("sex", "paid", "predicted"), *rows],
            label_values_or_threshold=[favourable],
            predicted_label="predicted",
            methods=post,
        )


@pytest.mark.parametrize(
    ("labels", "threshold", "predictions", "right"),
    [("1 2 3 4 5 6", 2, "2 2 2 3 3 3", 2 / 3 - 1 / 3), ("1 1 1 1 1 1", 1, "0 0 0 0 0 0", 0), ("1 0 1 0 1 0", 1, "True False " * 3, -1)],
)
def test_predictions_are_read_as_the_label_is(tmp_path, labels, threshold, predictions, right):
    rows = zip("fmfmfm", labels.split(), predictions.split(), strict=True)
    post = {"post_training_bias": {"methods": ["DPPL"]}}
    _, analysis = run_table(
        tmp_path,
        [("sex", "paid", "predicted"), *rows],
        label_values_or_threshold=[threshold],
        predicted_label="predicted",
        methods=post,
    )
    assert metrics_of(analysis, "post_training", "sex")["DPPL"]["value"] == pytest.approx(right)


def test_rows_of_unknown_facet_are_counted_left_out_and_said(tmp_path):
    output, analysis = run_case(tmp_path, "facet-missing")
    assert metrics_of(analysis, "pre_training", "sex")["DPL"]["value"] == 0
    (counts,) = analysis["governance"]["counts"]
    assert (counts["rows"], counts["rest"], counts["favourable_rows"], counts["favourable_rest"]) == (24, 24, 8, 8)
    assert counts["without_facet"] == 12
    assert "12 of 60 rows have no value in sex; they are left out of the figures by sex." in (output / "report.html").read_text()


@pytest.mark.slow
def test_rows_without_label_prediction_or_group_are_left_out_of_what_needs_them(tmp_path):
    rows = [("f", 1, 1, "a"), ("f", 0, 1, "a"), ("m", 1, 1, "a"), ("m", 0, 0, "a")] * 5
    unknown = [("f", "", 1, "a"), ("", 1, 1, "a"), ("f", 1, "", "a"), ("m", 0, 0, "")]
    config = {
        "predicted_label": "predicted",
        "group_variable": "town",
        "methods": {name: {"methods": "all"} for name in ("pre_training_bias", "post_training_bias")},
    }
    heading = ("sex", "paid", "predicted", "town")
    _, analysis = run_table(tmp_path / "some", [heading, *rows, *unknown], **config)
    (counts,) = analysis["governance"]["counts"]
    assert {key: value for key, value in counts.items() if key.startswith("without")} == {
        "without_label": 1,
        "without_facet": 1,
        "without_prediction": 1,
        "without_group": 1,
    }
    _, labelled = run_table(tmp_path / "pre", [heading, *rows, *unknown[2:]], **config)
    _, predicted = run_table(tmp_path / "post", [heading, *rows, unknown[3]], **config)
    for stage, known in (("pre_training", labelled), ("post_training", predicted)):
        assert metrics_of(analysis, stage, "sex") == metrics_of(known, stage, "sex")


def test_codes_with_an_empty_cell_stay_codes(tmp_path):
    rows = [("sex", "region", "paid"), *((i % 2, i % 3, i % 2) for i in range(90)), (1, "", 1)]
    _, analysis = run_table(tmp_path, rows, facet=[{"name_or_index": "region"}])
    assert [one["value_or_threshold"] for one in analysis["pre_training_bias_metrics"]["facets"]["region"]] == ["0", "1", "2"]


def test_a_value_listed_twice_is_measured_once(tmp_path):
    facet = [{"name_or_index": "sex", "value_or_threshold": [value]} for value in ("f", "m", "f")]
    _, analysis = run_table(tmp_path, [["sex", "paid"], *zip("fmfm", "1011", strict=True)], facet=facet)
    assert [one["value_or_threshold"] for one in analysis["pre_training_bias_metrics"]["facets"]["sex"]] == ["f", "m"]


def test_everybody_in_the_facet_and_one_label_only_give_reasons_and_valid_json(tmp_path):
    for number, (sexes, labels) in enumerate((("ffff", "1010"), ("ffmm", "1111"))):
        _, analysis = run_table(
            tmp_path / str(number), [["sex", "paid", "town"], *zip(sexes, labels, "aabb", strict=True)], group_variable="town"
        )
        for metric in metrics_of(analysis, "pre_training", "sex").values():
            assert metric["value"] is not None or metric["error"]


def pdf_text(path):
    """The text of a PDF without spaces, since a name may be broken over lines."""
    return "".join("".join(page.extract_text() for page in pypdf.PdfReader(path).pages).split())


def as_shown(name):
    """A name as the PDF may show it, character by character: itself, or its number in Unicode."""
    return "".join(rf"(?:{re.escape(c)}|\[U\+{ord(c):04X}\])" for c in name if not c.isspace())


def html_texts(output):
    page = (output / "report.html").read_text()
    return [html.unescape(text) for text in re.findall(r"<(?:h1|h2|p|br|td|th)[^>]*>([^<]+)(?=<)", page)]


@pytest.mark.slow
def test_every_name_of_the_html_is_legible_in_the_pdf(tmp_path):
    output, analysis = run_case(tmp_path, "pdf-lost-names")
    text, names = pdf_text(output / "report.pdf"), html_texts(output)
    assert {"報告 2026", "收入", "हिन्दी"} <= set(names)
    assert any("ラベル" in line for line in names)
    for name in names:
        assert re.search(as_shown(name), text), name
    assert "[U+5831][U+544A]2026" in text
    assert "characters that this file's font lacks".replace(" ", "") in text
    svg_labels = re.findall(r"<text[^>]*>([^<]*)</text>", (output / "report.html").read_text())
    assert set(analysis["explanations"]["kernel_shap"]["label0"]["global_shap_values"]) <= set(svg_labels)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Größe", "العمر", "גיל", "年齢🙂", "a$b$c_{2}", "x\u200dy", "ด้วย", "="])
def test_names_in_any_script_are_in_the_pdf(tmp_path, name):
    rows = [[name, "paid"], *zip(["f", name] * 4, "10110100", strict=True)]
    facet = [{"name_or_index": name, "value_or_threshold": ["f"]}, {"name_or_index": name, "value_or_threshold": [name]}]
    output, _ = run_table(tmp_path, rows, facet=facet)
    text = pdf_text(output / "report.pdf")
    assert re.search(as_shown(f"{name} = {name}"), text)
    if name in {"العمر", "גיל"}:  # unordered letters would read backwards
        assert f"[U+{ord(name[0]):04X}]" in text


def figures(analysis, stage, facet):
    (found,) = analysis[f"{stage}_bias_metrics"]["facets"][facet]
    return {metric["name"]: metric["value"] for metric in found["metrics"]}


def test_namibia_is_a_country(tmp_path):
    _, analysis = run_case(tmp_path, "facet-NA")
    found = figures(analysis, "pre_training", "country")
    assert (found["CI"], found["DPL"]) == (pytest.approx((60 - 20) / 80), pytest.approx(40 / 60 - 10 / 20))


def test_none_is_a_class(tmp_path):
    _, analysis = run_case(tmp_path, "label-None")
    assert figures(analysis, "pre_training", "state")["DPL"] == pytest.approx(40 / 60 - 10 / 20)


def test_a_model_that_knows_its_features_by_other_names_is_refused_with_both_lists(tmp_path):
    with pytest.raises(ContainerError, match=r"the model has income, age, sex; the data has Age, income, sex; missing: age .is it Age"):
        run_case(tmp_path, "feature-names")


@pytest.mark.slow
def test_a_model_that_knows_its_features_by_name_takes_them_in_any_order(tmp_path, monkeypatch):
    renamed = tmp_path / "cases"
    shutil.copytree(CASES / "feature-names", renamed / "feature-names")
    data = renamed / "feature-names" / "data.csv"
    data.write_text(data.read_text().replace("Age", "age"))
    monkeypatch.setattr("test_clarify_cases.CASES", renamed)
    _, analysis = run_case(tmp_path, "feature-names")
    assert analysis["governance"]["performance"]["auc"]["value"] > 0.9


def test_a_feature_that_mixes_numbers_and_words_is_refused_with_its_word(tmp_path, monkeypatch):
    table = CASES / "feature-names" / "data.csv"
    changed = tmp_path / "cases" / "feature-names"
    shutil.copytree(table.parent, changed)
    (changed / "data.csv").write_text(table.read_text().replace("Age", "age").replace("20.0,90.8", "20.0,lots"))
    monkeypatch.setattr("test_clarify_cases.CASES", changed.parent)
    with pytest.raises(ContainerError, match=r"income contains text\. Column income mixes numbers and text: 'lots' in row 1"):
        run_case(tmp_path, "feature-names")


def test_a_report_of_codes_speaks_in_the_values_that_people_wrote(tmp_path):
    cycle = [(y, s, g, p) for y in (0, 1) for s in (0, 1) for g in (0, 1, 2) for p in (0, 1)] * 4
    names = {"paid": {"0": "1", "1": "2"}, "sex": {"0": "f", "1": "m"}, "region": {"0": "north", "1": "south", "2": "west"}}
    output, analysis = run_table(
        tmp_path,
        [("paid", "sex", "region", "predicted"), *cycle],
        label_values_or_threshold=[0],
        facet=[{"name_or_index": "sex", "value_or_threshold": [0]}],
        group_variable="region",
        predicted_label="predicted",
        methods={"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}},
        governance={"categorical": ["sex"], "group_bins": 2, "value_names": {"values": names, "nouns": []}},
    )
    page = html.unescape(re.sub(r"<[^>]+>", " ", (output / "report.html").read_text()))
    paper = " ".join(" ".join(page.extract_text().split()) for page in pypdf.PdfReader(output / "report.pdf").pages)
    for text in (page, paper):
        assert "The favourable outcome is paid = 1." in text
        assert "Facet sex = f:" in text
        assert "Pre-training bias: sex = f" in text
        assert not re.search(r"(sex|region) = \d|paid = 0", text)
    assert [group["group"] for group in analysis["governance"]["groups"]] == ["north", "south", "west"]
    assert analysis["pre_training_bias_metrics"]["facets"]["sex"][0]["value_or_threshold"] == "0"


def test_a_confusion_matrix_is_headed_by_the_labels_that_people_wrote():
    report = ClarifyReport("t", "paid", [0], 0.5, 4, value_names=ValueNames.from_coding({"paid": {"1": 0, "2": 1}}))
    performance = evaluate_performance([0, 1, 0, 1], [0.2, 0.9, 0.7, 0.6], threshold=0.5)
    assert clarify_html.confusion_headings(report) == ["", "predicted paid = 1", "predicted paid = 2"]
    assert clarify_html.confusion_rows(report, performance) == [["paid = 1", "1", "1"], ["paid = 2", "0", "2"]]
    assert "F1 of paid = 2" in {row[0] for row in clarify_html.performance_rows(report, performance)}


@pytest.mark.parametrize("threshold", [50, -0.1, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(tmp_path, threshold):
    with pytest.raises(ContainerError, match="probability_threshold must be a probability from 0 to 1"):
        run_table(tmp_path, [("sex", "paid"), ("f", 1)], probability_threshold=threshold)
