"""A bias metric as pages show it, whatever it was read from or computed with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from core.analysis.bias.bias_intervals import Interval


class MetricLike(Protocol):
    """A bias metric as ``core.analysis.bias`` gives it."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def in_words(self) -> str: ...
    @property
    def interval(self) -> Interval | None: ...


MetricsByModel = Mapping[str, Mapping[str, MetricLike]]
