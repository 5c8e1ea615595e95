"""What a reproduction is told, and the file in which it says what it made again and how that compares with the evidence."""

from __future__ import annotations

from typing import Literal, TypedDict

from core.analysis.resampling.rebalancing_manifest import RebalancingSettings

RECIPE_FILE, RESULT_FILE = "recipe.json", "reproduction.json"
RESULT_FORMAT = 1
Part = Literal["rows", "model", "bias", "explanation"]
PARTS: tuple[Part, ...] = ("rows", "model", "bias", "explanation")


class TrainingRecipe(TypedDict):
    """``hyperparameters``: as the training job was given them; ``channels``: train, validation -> a file of the rebalancing job;
    ``content_types``: by channel."""

    hyperparameters: dict[str, str]
    channels: dict[str, str]
    content_types: dict[str, str]


class MeasurementRecipe(TypedDict):
    """``config``: analysis_config.json of the bias or SHAP job; ``rows``: the file of the rebalancing job that it measured."""

    config: dict[str, object]
    rows: str


class Recipe(TypedDict):
    """What is needed to make a version again from its data set: the settings that its jobs were given. ``left_out``: parts that aren't made
    again, and why."""

    rebalance: RebalancingSettings
    training: TrainingRecipe
    measurements: dict[str, MeasurementRecipe]
    left_out: dict[str, str]


class PartResult(TypedDict):
    """One part of a version, made again. ``agrees``: whether it is the evidence's; None if it wasn't made again. ``same_bytes``: whether
    every file of it has the same bytes; ``largest_difference``: of any number in it, None where nothing was compared; ``found``: in
    words."""

    part: Part
    agrees: bool | None
    same_bytes: bool
    largest_difference: float | None
    found: str


class ReproductionJson(TypedDict):
    """``made_with``: library -> its version; ``evidence``: name of a file -> SHA-256 of what it was compared with; ``reproduced``: whether
    every part that was made again agrees."""

    format: int
    made_with: dict[str, str]
    evidence: dict[str, str]
    parts: list[PartResult]
    reproduced: bool
