"""What the rebalancing job writes beside its tables: histograms, the list of synthetic rows, further facets; and each method's settings."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from core.analysis.resampling.resampling import METHODS, RebalanceConfig, ResamplingError, rebalance
from core.analysis.resampling.resampling_parameters import PARAMETERS, with_defaults
from engine.containers import ContainerError, rebalance_details
from engine.containers.rebalance import main


def table(rows=600, seed=0):
    random = np.random.default_rng(seed)
    sex = random.choice([1, 2], rows, p=[0.3, 0.7])
    return pd.DataFrame(
        {
            "label": random.choice([0, 1], rows, p=[0.7, 0.3]),
            "sex": sex,
            "married": random.choice([1, 2, 3], rows),
            "amount": random.integers(0, 50_000, rows) + sex * 3000,
            "rate": random.random(rows).round(4),
        }
    )


@pytest.fixture
def run(tmp_path):
    def build(frame=None, **config):
        data, settings = tmp_path / "opt/ml/processing/input/data", tmp_path / "opt/ml/processing/input/config"
        data.mkdir(parents=True, exist_ok=True)
        settings.mkdir(parents=True, exist_ok=True)
        (table() if frame is None else frame).to_csv(data / "data.csv", index=False)
        base = {"label": "label", "favourable": 0, "facet": "sex", "facet_value": 1, "categorical": ["married"]}
        (settings / "rebalance.json").write_text(json.dumps(base | config))
        main(tmp_path, {})
        output = tmp_path / "opt/ml/processing/output"
        return output, json.loads((output / "manifest.json").read_text())

    return build


def test_the_synthetic_rows_are_listed_in_parts_as_the_table_has_them(run, monkeypatch):
    monkeypatch.setattr(rebalance_details, "ROWS_PER_FILE", 50)
    output, manifest = run()
    parts = sorted((output / "synthetic").glob("*.csv"))
    listed = pd.concat([pd.read_csv(part) for part in parts], ignore_index=True)
    assert len(parts) == -(-manifest["synthetic"]["count"] // 50)
    assert listed["row"].tolist() == manifest["synthetic"]["rows"]
    whole = pd.read_csv(output / "train_res_header.csv").iloc[listed["row"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(listed.drop(columns=["row", "copy of"]), whole)
    assert listed["copy of"].isna().all()


def test_a_repeated_row_names_the_row_that_it_copies(run):
    output, _ = run(method="random-over")
    listed = pd.read_csv(output / "synthetic/part-00000.csv")
    originals = table().iloc[listed["copy of"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(listed.drop(columns=["row", "copy of"]), originals)


def test_every_side_file_has_its_hash_in_the_manifest(run):
    output, manifest = run()
    assert set(manifest["details"]) >= {"distributions.json", "synthetic/part-00000.csv"}
    for name, about in manifest["details"].items():
        assert hashlib.sha256((output / name).read_bytes()).hexdigest() == about["sha256"]


def test_the_histograms_count_every_row(run):
    output, manifest = run()
    features = json.loads((output / "distributions.json").read_text())["features"]
    assert [f["feature"] for f in features] == ["label", "sex", "married", "amount", "rate"]
    for feature in features:
        everyone = feature["groups"][""]
        assert sum(everyone["before"]["counts"]) == manifest["split"]["original_train_rows"]
        assert sum(everyone["synthetic"]["counts"]) == manifest["synthetic"]["count"]


def test_further_facets_are_measured_before_and_after_too(run):
    _, manifest = run(further_facets=[["married", 2]])
    (other,) = manifest["further_facets"]
    assert (other["facet"], other["facet_value"]) == ("married", 2)
    assert set(other["pre_training_bias"]["after"]) == set(manifest["pre_training_bias"]["after"])
    total = {when: sum(row["count"] for row in other["counts"][when]) for when in ("before", "after")}
    assert total == {"before": manifest["split"]["original_train_rows"], "after": manifest["split"]["train_rows"]}


def test_the_manifest_says_how_far_favourable_labels_moved_in_each_group(run):
    output, manifest = run(further_facets=[["married", 2]])
    after, before = pd.read_csv(output / "train_res_header.csv"), pd.read_csv(output / "train.csv", header=None, names=table().columns)
    for column, groups in (("sex", manifest["label_shares"]), ("married", manifest["further_facets"][0]["label_shares"])):
        for group in groups:
            old, new = (rows.loc[rows[column] == int(group["group"]), "label"] == 0 for rows in (before, after))
            assert (group["rows_before"], group["favourable_before"]) == (len(old), old.sum())
            assert (group["rows_after"], group["favourable_after"]) == (len(new), new.sum())
            assert group["moved"] == pytest.approx(new.mean() - old.mean())
    synthetic, men = after.iloc[manifest["synthetic"]["rows"]], before[before["sex"] == 1]
    assert synthetic["label"].mean() == pytest.approx(men["label"].mean(), abs=4 * np.sqrt(0.25 / len(synthetic)))


def test_a_reweighings_validation_rows_count_once_each_and_test_rows_have_no_weight(run):
    output, manifest = run(method="reweighing")
    read = {name: pd.read_csv(output / name, header=None) for name in manifest["files"] if "header" not in name}
    plain, features = len(table().columns), manifest["features"]
    assert {name: rows.shape[1] for name, rows in read.items()} == {
        "train_res.csv": plain + 1,
        "validation_res.csv": plain + 1,
        "train.csv": plain,
        "validation.csv": plain,
        "test_res.csv": plain,
    }
    assert (read["validation_res.csv"][1] == 1).all()
    assert read["train_res.csv"][1].nunique() == 4
    np.testing.assert_array_equal(read["validation_res.csv"].drop(columns=1), read["validation.csv"])
    assert manifest["files"]["validation_res.csv"]["columns"] == ["label", "__weight", *features]
    for name in ("test_header.csv", "validation_header.csv", "train_res_header.csv"):
        assert list(pd.read_csv(output / name).columns) == ["label", *features]
    _, unweighted = run(method="none")
    assert "validation.csv" not in unweighted["files"]


@pytest.mark.parametrize("method", ["smote-nc", "reweighing", "random-under"])
@pytest.mark.parametrize("order", ["split_first", "workshop"])
def test_empty_cells_stay_empty_in_every_file_unless_a_median_is_asked_for(run, method, order):
    random = np.random.default_rng(5)
    frame = table().astype({"amount": "Int64", "married": "Int64", "rate": float})
    frame["age"] = pd.array(random.integers(20, 60, len(frame)), dtype="Int64")
    for name in ("amount", "married", "rate", "age"):
        frame.loc[random.random(len(frame)) < 0.2, name] = pd.NA
    output, manifest = run(frame, method=method, order=order, missing={"age": "median"}, further_facets=[["married", 1]], group="amount")
    for name in ("train_res_header.csv", "test_header.csv", "validation_header.csv"):
        cells = pd.read_csv(output / name, dtype=str)
        assert cells["age"].str.fullmatch(r"\d+").all()
        for gapped in ("amount", "married"):
            assert cells[gapped].dropna().str.fullmatch(r"\d+").all()
            assert cells[gapped].isna().any()
        assert set(cells["married"].dropna()) == {"1", "2", "3"}
    told = {column["column"]: column for column in manifest["missing"]}
    assert {name: one["treatment"] for name, one in told.items()} == {"amount": "keep", "married": "keep", "rate": "keep", "age": "median"}
    assert all(one["train"] + one["validation"] + one["test"] == frame[name].isna().sum() for name, one in told.items())
    of_training = pd.read_csv(output / "train.csv", header=None)
    columns = manifest["files"]["train.csv"]["columns"]
    assert of_training[columns.index("married")].isna().sum() == told["married"]["train"]
    assert manifest["further_facets"][0]["without_facet"]["before"] == told["married"]["train"]
    counted = manifest["further_facets"][0]["counts"]["before"]
    assert sum(cell["count"] for cell in counted) == len(of_training) - told["married"]["train"]
    histogram = next(f for f in json.loads((output / "distributions.json").read_text())["features"] if f["feature"] == "rate")
    before = histogram["groups"][""]["before"]
    assert (before["missing"], before["rows"]) == (told["rate"]["train"], len(of_training) - told["rate"]["train"])


def test_rows_without_a_label_or_a_facet_are_left_out_and_counted(run):
    frame = table().astype({"sex": "Int64", "label": "Int64"})
    frame.loc[7, "sex"] = frame.loc[3, "label"] = pd.NA
    _, manifest = run(frame)
    assert (manifest["input"]["rows"], manifest["input"]["left_out_rows"]) == (598, {"label": 1, "sex": 1})


def test_an_unknown_treatment_is_refused(run):
    with pytest.raises(ContainerError, match="missing: rate must be keep or median, not 'drop'"):
        run(missing={"rate": "drop"})


def test_a_further_facet_that_does_not_occur_is_refused(run):
    with pytest.raises(ContainerError, match="value 9 does not occur in column married"):
        run(further_facets=[["married", 9]])


def test_held_out_rows_that_equal_a_training_row_are_counted(run):
    frame = table(300).drop(columns=["amount", "rate"]).assign(amount=5, rate=0.5)
    _, manifest = run(frame, method="none")
    assert manifest["held_out_duplicates"] == manifest["split"]["validation_rows"] + manifest["split"]["test_rows"]


def test_test_rows_whose_content_stands_in_training_are_found_by_content(run):
    twice = pd.concat([table(300)] * 2, ignore_index=True)
    output, manifest = run(twice, method="random-over")
    train = set(pd.read_csv(output / "train.csv", header=None).itertuples(index=False, name=None))
    leaks = manifest["leaks"]
    for part in ("test", "validation"):
        rows = pd.read_csv(output / f"{part}_res.csv", header=None).itertuples(index=False, name=None)
        assert leaks["twins_in_training"][part]["rows"] == sum(row in train for row in rows) > 20
    assert manifest["leaked_rows"] == 0
    assert (leaks["twins"]["repeats"], leaks["twins"]["rows"], leaks["label"], leaks["ids"]) == (2, 600, [], [])


def test_gaps_that_tell_the_label_are_found_although_they_are_filled(run):
    frame = table()
    frame["paid back"] = frame["rate"].where(frame["label"] == 1)
    _, manifest = run(frame, method="none", missing={"paid back": "median"})
    (leak,) = manifest["leaks"]["label"]
    assert (leak["feature"], leak["kind"], leak["auc"]) == ("paid back", "empty cells", 1)


def test_in_the_workshops_order_twins_are_among_the_resampled_rows(run):
    output, manifest = run(method="random-over", order="workshop")
    train = set(pd.read_csv(output / "train_res.csv", header=None).itertuples(index=False, name=None))
    test = pd.read_csv(output / "test_res.csv", header=None).itertuples(index=False, name=None)
    assert manifest["leaks"]["twins_in_training"]["test"]["rows"] == sum(row in train for row in test) > 10


CHANGES = [
    ("borderline-smote", {"kind": "borderline-2"}),
    ("borderline-smote", {"m_neighbors": 30}),
    ("smote-enn", {"enn_neighbors": 9}),
    ("smote-enn", {"enn_rule": "mode"}),
    ("random-under", {"replacement": True}),
    ("smote", {"k_neighbors": 2}),
    ("adasyn", {"sampling_strategy": 0.8}),
]


@pytest.mark.parametrize(("method", "change"), CHANGES)
def test_each_setting_of_a_method_changes_its_rows(method, change):
    ask = {"label": "label", "facet": "sex", "facet_value": 1, "method": method}
    plain = rebalance(table(), RebalanceConfig(**ask)).frame
    assert not plain.equals(rebalance(table(), RebalanceConfig(**ask, parameters=change)).frame)
    pd.testing.assert_frame_equal(plain, rebalance(table(), RebalanceConfig(**ask, parameters=with_defaults(method, {}))).frame)


@pytest.mark.parametrize(
    ("method", "parameters", "words"),
    [
        ("smote", {"k_neighbors": 2.5}, "k_neighbors must be a whole number"),
        ("smote", {"k_neighbors": "five"}, "k_neighbors must be a number"),
        ("smote", {"k_neighbors": float("nan")}, "k_neighbors must be a whole number"),
        ("smote-enn", {"enn_rule": "some"}, "enn_rule must be one of all, mode"),
        ("borderline-smote", {"m_neighbors": 99}, "m_neighbors must be at most 50"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(method, parameters, words):
    with pytest.raises(ResamplingError, match=words):
        rebalance(table(), RebalanceConfig("label", "sex", 1, method, parameters=parameters))


def test_every_method_has_its_parameters():
    assert set(PARAMETERS) == set(METHODS)


def test_a_group_that_is_too_small_is_named_in_the_values_that_people_wrote(run):
    frame = table().assign(sex=[1] * 8 + [2] * 592, label=[0, 0, 0, 0, 1, 1, 1, 1] + [0, 1] * 296)
    names = {"values": {"label": {"0": "yes", "1": "no"}, "sex": {"1": "f", "2": "m"}}, "nouns": []}
    with pytest.raises(ContainerError, match=r"Only 4 training rows have sex = f, and SMOTE-NC needs more than k_neighbors = 5"):
        run(frame, value_names=names)
    frame["label"] = [1, 0, 0, 0, 0, 0, 0, 0] + [0, 1] * 296
    with pytest.raises(ContainerError, match=r"Only 1 row has label = no and sex = f; each part needs at least one"):
        run(frame, value_names=names)
