"""The Clarify container, run as a job runs it: a folder in, a folder out."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pandas as pd
import pytest
import xgboost
from paths import GOLDEN, ROOT
from sklearn.model_selection import train_test_split

from core.analysis.bias.bias_metrics import POST_TRAINING, PRE_TRAINING
from engine.containers import ContainerError, aws_clarify
from engine.containers.clarify import main

HYPERPARAMETERS = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.3, "seed": 0}


@pytest.fixture(scope="module")
def credit():
    frame = pd.read_csv(ROOT / "core/data/uci_credit_default.csv.gz").drop(columns="ID")
    train, test = train_test_split(frame, test_size=700, train_size=2000, random_state=0, stratify=frame["LABEL"])
    booster = xgboost.train(HYPERPARAMETERS, xgboost.DMatrix(train.drop(columns="LABEL").to_numpy(), train["LABEL"]), 12)
    return booster, test.reset_index(drop=True)


def archive(booster, name="xgboost-model"):
    content = bytes(booster.save_raw("ubj")) if isinstance(booster, xgboost.Booster) else booster
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def config(**changes):
    base = {
        "version": "1.0",
        "dataset_type": "text/csv",
        "label": "LABEL",
        "label_values_or_threshold": [0],
        "facet": [{"name_or_index": "SEX", "value_or_threshold": [1]}],
        "group_variable": "AGE",
        "methods": {
            "pre_training_bias": {"methods": "all"},
            "post_training_bias": {"methods": "all"},
            "shap": {"num_samples": 15, "agg_method": "mean_abs", "num_clusters": 3, "save_local_shap_values": True},
            "report": {"name": "report", "title": "Credit & default"},
        },
        "predictor": {"model_name": "credit"},
        "governance": {"group_bins": [30, 40, 50]},
    }
    return {key: value for key, value in (base | changes).items() if value is not None}


def only(*stages, **shap):
    """``methods`` with nothing but these stages."""
    return {stage: {"methods": "all"} for stage in stages} | ({"shap": shap} if shap else {})


def run(root, settings, frame, booster=None, *, header=True, container=main):
    """The output folder, and analysis.json."""
    folders = {name: root / "opt/ml/processing/input" / name for name in ("config", "data", "model")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    (folders["config"] / "analysis_config.json").write_text(json.dumps(settings))
    if isinstance(frame, str | bytes):
        (folders["data"] / "data.csv").write_bytes(frame.encode() if isinstance(frame, str) else frame)
    elif frame is not None:
        frame.to_csv(folders["data"] / "data.csv", index=False, header=header)
    if booster is not None:
        (folders["model"] / "model.tar.gz").write_bytes(archive(booster) if isinstance(booster, xgboost.Booster) else booster)
    container(root, {})
    output = root / "opt/ml/processing/output"
    return output, json.loads((output / "analysis.json").read_text(), parse_constant=pytest.fail)


@pytest.fixture(scope="module")
def done(credit, tmp_path_factory):
    booster, test = credit
    return run(tmp_path_factory.mktemp("clarify"), config(), test, booster)


def named(analysis, stage, facet="SEX", index=0):
    return {metric["name"]: metric for metric in analysis[f"{stage}_metrics"]["facets"][facet][index]["metrics"]}


@pytest.mark.slow
def test_analysis_has_clarifys_shape(done):
    _, analysis = done
    assert analysis["version"] == "1.0"
    for stage, known in (("pre_training_bias", PRE_TRAINING), ("post_training_bias", POST_TRAINING)):
        section = analysis[f"{stage}_metrics"]
        assert section["label"] == "LABEL"
        assert section["label_value_or_threshold"] == "0"
        (facet,) = section["facets"]["SEX"]
        assert facet["value_or_threshold"] == "1"
        names = [metric["name"] for metric in facet["metrics"]]
        assert names == sorted(known)
        assert all(set(metric) == {"name", "description", "value"} for metric in facet["metrics"])
    found = analysis["explanations"]["kernel_shap"]["label0"]
    assert set(found) == {"global_shap_values", "expected_value"}


@pytest.mark.slow
def test_the_golden_run_of_clarify_comes_out_of_the_container(tmp_path):
    golden = json.loads((GOLDEN / "workshop_bias_1.json").read_text())
    frame = pd.read_csv(ROOT / "core/data/uci_credit_default.csv.gz").drop(columns="ID")
    scores = pd.read_csv(GOLDEN / "workshop_model1_scores.csv", index_col="index")["score"]
    rows = frame.loc[scores.index].assign(PREDICTED=(scores > 0.5).astype(int))
    settings = config(methods=only("pre_training_bias", "post_training_bias"), predicted_label="PREDICTED", predictor=None, governance=None)
    _, analysis = run(tmp_path, settings, rows)
    printed = {
        name: f"{one['value']:.6g}" for name, one in (named(analysis, "pre_training_bias") | named(analysis, "post_training_bias")).items()
    }
    expected = golden["pre_training"] | golden["post_training"] | golden["later_metrics_from_smclarify_0_5"]
    assert printed == {name: f"{value:.6g}" for name, value in expected.items()}


@pytest.mark.slow
def test_local_values_add_up_to_the_scores(done, credit):
    output, analysis = done
    booster, test = credit
    local = pd.read_csv(output / "explanations_shap/out.csv")
    features = [name for name in test.columns if name != "LABEL"]
    assert list(local.columns) == [f"{name}_label0" for name in features]
    scores = pd.read_csv(output / "scores.csv")
    assert scores["label"].tolist() == test["LABEL"].tolist()
    assert scores["score"].to_numpy() == pytest.approx(booster.predict(xgboost.DMatrix(test[features].to_numpy())))
    expected = analysis["explanations"]["kernel_shap"]["label0"]["expected_value"]
    assert np.abs(local.sum(axis=1) + expected - scores["score"]).max() <= 1e-5
    values = analysis["explanations"]["kernel_shap"]["label0"]["global_shap_values"]
    assert values == pytest.approx({name: local[f"{name}_label0"].abs().mean() for name in features})


@pytest.mark.slow
def test_governance_says_how_sure_the_figures_are(done):
    output, analysis = done
    section = analysis["governance"]
    assert section["shap"]["additivity"] <= 1e-5
    assert section["shap"]["sample_size"] == 700
    assert section["shap"]["baseline_rows"] == len(pd.read_csv(output / "explanations_shap/baseline.csv")) == 3
    auc = section["performance"]["auc"]
    assert auc["low"] < auc["value"] < auc["high"]
    assert "facet" in section["metrics"]["post_training_bias_metrics"]["SEX"]["1"]["DI"]["in_words"]
    data = pd.read_csv(output / "explanations_shap/data.csv")
    assert data["prediction"].tolist() == pytest.approx(pd.read_csv(output / "scores.csv")["score"].tolist())


@pytest.mark.slow
def test_groups_are_binned_only_when_asked_for(done, credit, tmp_path):
    _, analysis = done
    booster, test = credit
    assert [group["group"] for group in analysis["governance"]["groups"]] == ["<30", "30–39", "40–49", "≥50"]
    assert sum(group["rows"] for group in analysis["governance"]["groups"]) == 700
    _, raw = run(tmp_path, config(governance=None, methods=only("pre_training_bias")), test, booster)
    assert raw["governance"]["groups"] == []
    assert named(raw, "pre_training_bias")["CDDL"]["value"] != named(analysis, "pre_training_bias")["CDDL"]["value"]


@pytest.mark.slow
def test_reports_are_whole_and_self_contained(done):
    output, _ = done
    page = (output / "report.html").read_text()
    assert "Credit &amp; default" in page
    for name in [*PRE_TRAINING, *POST_TRAINING, "30–39", "Balanced accuracy", "PAY_0"]:
        assert f">{name}<" in page, name
    assert page.count("<svg") == 5
    assert "src=" not in page
    assert 'href="http' not in page
    pdf = (output / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert pdf.count(b"/Subtype /Image") >= 4


@pytest.mark.slow
def test_a_file_without_header_is_named_by_headers(credit, done, tmp_path):
    booster, test = credit
    _, analysis = run(tmp_path, config(headers=list(test.columns)), test, booster, header=False)
    assert analysis == done[1]


@pytest.mark.slow
def test_a_header_row_is_not_taken_for_data(credit, done, tmp_path):
    booster, test = credit
    _, analysis = run(tmp_path, config(headers=list(test.columns)), test, booster)
    assert analysis["governance"]["rows"] == 700


@pytest.mark.slow
def test_whole_floats_do_not_flip_facet_and_outcome(credit, done, tmp_path):
    booster, test = credit
    floats = test.astype({"LABEL": float, "SEX": float, "AGE": float})
    _, analysis = run(tmp_path, config(), floats, booster)
    assert analysis["pre_training_bias_metrics"] == done[1]["pre_training_bias_metrics"]


def test_a_coded_facet_with_fractions_is_refused(credit, tmp_path):
    booster, test = credit
    broken = test.astype({"SEX": float})
    broken.loc[3, "SEX"] = 1.4
    with pytest.raises(ContainerError, match=r"column SEX: mixes whole numbers and fractions: 1\.4 in row 4"):
        run(tmp_path, config(), broken, booster)


@pytest.mark.slow
def test_columns_may_be_given_by_index(credit, done, tmp_path):
    booster, test = credit
    place = {name: i for i, name in enumerate(test.columns)}
    facet = [{"name_or_index": place["SEX"], "value_or_threshold": [1]}]
    _, analysis = run(tmp_path, config(label=place["LABEL"], facet=facet, group_variable=place["AGE"]), test, booster)
    assert analysis == done[1]


def test_a_continuous_facet_has_a_threshold(credit, tmp_path):
    booster, test = credit
    facet = [{"name_or_index": "LIMIT_BAL", "value_or_threshold": [100_000]}]
    _, analysis = run(tmp_path, config(facet=facet, methods=only("pre_training_bias")), test, booster)
    (found,) = analysis["pre_training_bias_metrics"]["facets"]["LIMIT_BAL"]
    assert found["value_or_threshold"] == f"(100000, {test['LIMIT_BAL'].max()}]"
    above = (test["LIMIT_BAL"] > 100_000).mean()
    assert named(analysis, "pre_training_bias", "LIMIT_BAL")["CI"]["value"] == pytest.approx(1 - 2 * above)


def test_a_continuous_facet_without_threshold_is_refused(credit, tmp_path):
    booster, test = credit
    with pytest.raises(ContainerError, match="LIMIT_BAL is continuous: give a threshold"):
        run(tmp_path, config(facet=[{"name_or_index": "LIMIT_BAL"}]), test, booster)


@pytest.mark.slow
@pytest.mark.parametrize("value", [True, "True", 1])
def test_true_and_false_are_values_too(credit, done, tmp_path, value):
    booster, test = credit
    booleans = test.assign(SEX=test["SEX"] == 1, LABEL=test["LABEL"] == 1)
    facet = [{"name_or_index": "SEX", "value_or_threshold": [value]}]
    ask = config(facet=facet, label_values_or_threshold=["False"], methods=only("pre_training_bias"))
    _, analysis = run(tmp_path, ask, booleans, booster)
    assert analysis["pre_training_bias_metrics"]["facets"]["SEX"][0]["value_or_threshold"] == "True"
    assert named(analysis, "pre_training_bias") == named(done[1], "pre_training_bias")


def test_codes_named_as_categories_are_no_thresholds_in_small_tables(credit, tmp_path):
    booster, test = credit
    facet = [{"name_or_index": "EDUCATION", "value_or_threshold": [1]}]
    small = config(facet=facet, methods=only("pre_training_bias"), governance={"categorical": ["EDUCATION"], "group_bins": [40]})
    _, analysis = run(tmp_path, small, test.head(60), booster)
    (found,) = analysis["pre_training_bias_metrics"]["facets"]["EDUCATION"]
    assert found["value_or_threshold"] == "1"
    share = (test.head(60)["EDUCATION"] == 1).mean()
    assert named(analysis, "pre_training_bias", "EDUCATION")["CI"]["value"] == pytest.approx(1 - 2 * share)


def test_without_a_value_each_value_is_a_facet(credit, tmp_path):
    booster, test = credit
    _, analysis = run(tmp_path, config(facet=[{"name_or_index": "SEX"}], methods=only("pre_training_bias")), test, booster)
    assert [one["value_or_threshold"] for one in analysis["pre_training_bias_metrics"]["facets"]["SEX"]] == ["1", "2"]
    assert named(analysis, "pre_training_bias")["DPL"]["value"] == -named(analysis, "pre_training_bias", index=1)["DPL"]["value"]


@pytest.mark.slow
def test_an_uncomputable_metric_is_null_with_its_error(credit, tmp_path):
    booster, test = credit
    settings = config(group_variable=None, governance=None, facet=[{"name_or_index": "SEX", "value_or_threshold": [7]}])
    _, analysis = run(tmp_path, settings, test, booster)
    metrics = named(analysis, "post_training_bias")
    assert metrics["DPPL"]["value"] is None
    assert "Facet set is empty" in metrics["DPPL"]["error"]
    assert "Group variable is empty" in metrics["CDDPL"]["error"]


def test_infinities_are_strings(tmp_path):
    frame = pd.DataFrame({"LABEL": [0, 1, 0, 1], "SEX": [1, 1, 2, 2], "x": [1, 2, 3, 4], "PREDICTED": [0, 1, 1, 1]})
    settings = config(methods=only("post_training_bias"), predicted_label="PREDICTED", predictor=None, group_variable=None, governance=None)
    output, analysis = run(tmp_path, settings, frame)
    assert named(analysis, "post_training_bias")["DI"]["value"] == "Infinity"
    assert "∞" in (output / "report.html").read_text()


@pytest.mark.slow
def test_only_the_metrics_asked_for_are_computed(credit, tmp_path):
    booster, test = credit
    methods = {"pre_training_bias": {"methods": ["KL", "CI"]}, "post_training_bias": {"methods": "DPPL"}}
    _, analysis = run(tmp_path, config(methods=methods), test, booster)
    assert list(named(analysis, "pre_training_bias")) == ["CI", "KL"]
    assert list(named(analysis, "post_training_bias")) == ["DPPL"]
    assert "explanations" not in analysis


@pytest.mark.slow
def test_ignored_columns_are_not_given_to_the_model(credit, done, tmp_path):
    booster, test = credit
    numbered = test.assign(ID=np.arange(700))
    _, analysis = run(tmp_path, config(governance={"ignored": ["ID"], "group_bins": [30, 40, 50]}), numbered, booster)
    assert analysis["post_training_bias_metrics"] == done[1]["post_training_bias_metrics"]


@pytest.mark.slow
def test_log_odds_and_an_inline_baseline_are_served(credit, tmp_path):
    booster, test = credit
    medians = test.drop(columns="LABEL").median()
    methods = only(baseline=[medians.tolist()], use_logit=True, agg_method="mean_sq")
    output, analysis = run(tmp_path, config(methods=methods, predictor={"model_name": "m", "label_headers": ["default"]}), test, booster)
    margin = booster.predict(xgboost.DMatrix(medians.to_frame().T.to_numpy()), output_margin=True)
    assert analysis["explanations"]["kernel_shap"]["default"]["expected_value"] == pytest.approx(float(margin[0]), abs=1e-5)
    assert pd.read_csv(output / "explanations_shap/out.csv").columns[0] == "LIMIT_BAL_default"


@pytest.mark.slow
def test_a_baseline_file_in_the_container_is_read(credit, tmp_path):
    booster, test = credit
    features = test.drop(columns="LABEL")
    place = tmp_path / "opt/ml/processing/input/baseline/baseline.csv"
    place.parent.mkdir(parents=True)
    features.head(2).to_csv(place, index=False, header=False)
    methods = only(baseline="/opt/ml/processing/input/baseline/baseline.csv")
    output, _ = run(tmp_path, config(methods=methods), test, booster)
    assert pd.read_csv(output / "explanations_shap/baseline.csv").equals(features.head(2))


@pytest.mark.slow
def test_the_threshold_decides_who_is_accepted(credit, tmp_path):
    booster, test = credit
    _, analysis = run(tmp_path, config(methods=only("post_training_bias"), probability_threshold=0.2), test, booster)
    accepted = booster.predict(xgboost.DMatrix(test.drop(columns="LABEL").to_numpy())) <= 0.2
    men = (test["SEX"] == 1).to_numpy()
    assert named(analysis, "post_training_bias")["DPPL"]["value"] == pytest.approx(accepted[~men].mean() - accepted[men].mean())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "DEFAULT"}, "label: the dataset has no column DEFAULT; it has LABEL, "),
        ({"facet": [{"name_or_index": "GENDER"}]}, "facet: the dataset has no column GENDER"),
        ({"facet": None}, "facet is required"),
        ({"label_values_or_threshold": None}, "label_values_or_threshold is required"),
        ({"dataset_type": "application/jsonlines"}, "dataset_type application/jsonlines is not served"),
        ({"headers": ["a", "b"]}, "headers names 2 columns, and the lines have 24"),
        ({"methods": {"pre_training_bias": {"methods": ["XYZ"]}}}, "there is no metric XYZ"),
        ({"methods": {"pdp": {}}}, "methods.pdp: not served"),
        ({"methods": {"shap": {"agg_method": "mode"}}}, "agg_method must be one of"),
        ({"methods": {"shap": {"baseline": [[1, 2]]}}}, "each row must have the 23 features"),
        ({"methods": {"shap": {"baseline": "/nowhere.csv"}}}, "there is no file /nowhere.csv"),
        ({"governance": {"group_bins": [50, 40]}}, "group_bins for AGE: the edges of the bins must ascend"),
        ({"governance": {"ignored": ["AGE", "SEX"]}}, "trained on 23 features, and the data has 21"),
        ({"predictor": None}, "give predictor.model_name"),
        ({"facet": "SEX"}, "does not have the shape"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_reason(credit, tmp_path, changes, message):
    booster, test = credit
    with pytest.raises(ContainerError) as error:
        run(tmp_path, config(**changes), test, booster)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "There is no dataset"),
        ("", "data.csv is empty"),
        ("LABEL,SEX,AGE\n", "no rows"),
        (b"LABEL,SEX\n\xff\xfe,1\n", "not CSV in UTF-8"),
    ],
)
def test_a_wrong_dataset_is_refused_with_its_reason(credit, tmp_path, data, message):
    with pytest.raises(ContainerError, match=message):
        run(tmp_path, config(), data, credit[0])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (None, "There is no model.tar.gz"),
        (b"not a tar", "can't be read"),
        (archive(b"x", "model.pkl"), "contains no xgboost-model"),
        (archive(b"\x80\x04K\x01."), "not an XGBoost model in UBJSON"),
    ],
)
def test_a_wrong_model_is_refused_with_its_reason(credit, tmp_path, model, message):
    with pytest.raises(ContainerError, match=message):
        run(tmp_path, config(), credit[1], model)


def test_a_model_that_predicts_no_probability_is_refused(credit, tmp_path):
    features, label = credit[1].drop(columns="LABEL").to_numpy(), credit[1]["LABEL"]
    booster = xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(features, label), 2)
    with pytest.raises(ContainerError, match="objective is reg:squarederror"):
        run(tmp_path, config(), credit[1], booster)


def test_labels_that_the_model_cannot_mean_are_refused(credit, tmp_path):
    booster, test = credit
    with pytest.raises(ContainerError, match="label LABEL holds 1, 2"):
        run(tmp_path, config(label_values_or_threshold=[1]), test.assign(LABEL=test["LABEL"] + 1), booster)


@pytest.mark.slow
def test_awss_own_container_takes_no_key_of_ours_and_writes_none(credit, done, tmp_path):
    booster, test = credit
    with pytest.raises(ContainerError, match="governance is not of Clarify's schema"):
        run(tmp_path / "ours", config(), test, booster, container=aws_clarify.main)
    output, analysis = run(tmp_path / "aws", config(governance=None), test, booster, container=aws_clarify.main)
    assert {path.name for path in output.rglob("*") if path.is_file()} == {
        *("analysis.json", "report.html", "report.pdf"),
        *("out.csv", "baseline.csv"),
    }
    assert set(analysis) == {"version", "pre_training_bias_metrics", "post_training_bias_metrics", "explanations"}
    assert analysis["explanations"] == done[1]["explanations"]
    assert named(analysis, "post_training_bias")["DPPL"] == named(done[1], "post_training_bias")["DPPL"]


def test_the_keys_that_awss_container_takes_are_those_of_the_sdks_schema():
    from sagemaker.core.clarify import ANALYSIS_CONFIG_SCHEMA_V1_0
    from schema import Optional

    from engine.containers.clarify_config import AWS_KEYS

    assert {key.schema if isinstance(key, Optional) else key for key in ANALYSIS_CONFIG_SCHEMA_V1_0.schema} == AWS_KEYS


def test_a_flip_test_of_a_sample_has_its_number_of_rows_and_interval_in_the_report(credit, tmp_path, monkeypatch):
    monkeypatch.setattr("core.analysis.bias.flip_test.MAX_ASKED_ROWS", 100)
    booster, frame = credit
    output, analysis = run(tmp_path, config(), frame, booster)
    said = analysis["governance"]["metrics"]["post_training_bias_metrics"]["SEX"]["1"]["FT"]
    assert "It was asked of 100 of the facet's" in said["in_words"]
    assert said["interval"]["n"] == 100
    assert said["interval"]["low"] < said["interval"]["high"]
    flip = pd.read_csv(output / "scores.csv")["flip SEX=1"]
    assert flip.notna().sum() == 100 + (frame["SEX"] != 1).sum()
    assert set(flip.dropna()) <= {-1, 0, 1}
