"""What a job writes that looks for the reasons of declines and where a disparity comes from, and a page reads."""

from __future__ import annotations

from typing import TypedDict

from core.analysis.trials.trials_json import TrialReportJson

RESULT_FILE, REASONS_FILE, NOTICE_FILE = "reasons.json", "reasons.csv", "notice.txt"
RESULT_FORMAT = 1


class ReasonJson(TypedDict):
    """A reason: in how many declined rows it is the ``first``, and in how many it is ``named``."""

    words: str
    features: list[str]
    first: int
    named: int


class ReasonsJson(TypedDict):
    """The reasons of all declined rows. ``same``: the share of them to which both baselines give the same reasons, ``hold``: the share
    whose reasons hold; None without a declined row. ``same_alone``: what ``same`` is where each feature is a reason of its own and four
    are named. ``prohibited``: columns that are never a reason, and ``flagged``: the declined rows in which one counted as much as one."""

    rows: int
    declined: int
    same: float | None
    hold: float | None
    same_alone: float | None
    prohibited: list[str]
    flagged: int
    reasons: list[ReasonJson]
    rules: dict[str, object]
    all_rows: int
    passing_rows: int
    alternatives: int


class ProxyJson(TypedDict):
    """``proxy_search.Proxy``, and whether it ``is_found``."""

    features: list[str]
    attribute: str
    value: str | None
    name: str
    auc: float
    low: float
    high: float
    rows: int
    p_value: float
    gain: float | None
    is_found: bool


class NotMeasuredJson(TypedDict):
    """``proxy_search.NotMeasured``."""

    name: str
    why: str


class ProxiesJson(TypedDict):
    """``proxy_search.ProxySearch``."""

    not_measured: list[NotMeasuredJson]
    skipped: list[list[str]]
    unpaired: list[str]
    features: list[ProxyJson]
    pairs: list[ProxyJson]
    tests: int


class FigureJson(TypedDict):
    """A figure with its 95 % interval; None where there is none."""

    value: float | None
    low: float | None
    high: float | None


class FeatureFlowJson(TypedDict):
    """``disparity_flow.FeatureFlow``."""

    features: list[str]
    gap: FigureJson
    share: float | None
    group_size: FigureJson
    others_size: FigureJson


class DisparityFlowJson(TypedDict):
    """``disparity_flow.DisparityFlow``."""

    total: FigureJson
    flows: list[FeatureFlowJson]
    why: str


class FlowJson(TypedDict):
    """How the mean log-odds of a group and of the others differ, feature by feature. ``group``: in words."""

    facet: str
    group: str
    flow: DisparityFlowJson


class DroppedJson(TypedDict):
    """``dropped_features.DroppedModel``; ``disparities``: of each facet, metric -> change."""

    dropped: list[str]
    auc: FigureJson
    disparities: list[dict[str, FigureJson]]


class DroppingJson(TypedDict):
    """``dropped_features.DroppingCost``."""

    reference: TrialReportJson
    models: list[DroppedJson]
    not_tried: list[str]
    training_rows: int
    test_rows: int


class PointJson(TypedDict):
    """``partial_dependence.DependencePoint``."""

    value: float | None
    label: str
    mean: float
    low: float | None
    high: float | None
    rows: int


class DependenceJson(TypedDict):
    """``partial_dependence.PartialDependence``."""

    feature: str
    points: list[PointJson]


class SliceJson(TypedDict):
    """``worst_slices.SliceRate``."""

    filter: str
    rows: int
    rate: float
    low: float
    high: float


class SliceListJson(TypedDict):
    """``worst_slices.SliceList``."""

    measure: str
    name: str
    overall: SliceJson | None
    worst: list[SliceJson]
    surely_worse: int


class WeakSpotsJson(TypedDict):
    """``worst_slices.WorstSlices``."""

    lists: list[SliceListJson]
    comparisons: int


class WhyJson(TypedDict):
    """``reasons.json``. ``unmeasured``: part -> why it couldn't be measured; such a part is None, or empty."""

    format: int
    reasons: ReasonsJson | None
    proxies: ProxiesJson | None
    flows: list[FlowJson]
    dropping: DroppingJson | None
    dependence: list[DependenceJson]
    weak_spots: WeakSpotsJson | None
    unmeasured: dict[str, str]
