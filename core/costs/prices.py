"""The price table: a TOML file of the price of an hour of each instance type, with region, date and source."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from core import toml_file
from core.errors import GovernanceError
from core.settings import Settings

BUNDLED_FILE = Path(__file__).with_name("prices.toml")
MAX_AGE = dt.timedelta(days=180)
UNSET_HINT = "unset GOVERNANCE_PRICES to use the prices that ship with the product."
FIX_HINT = f"Correct it, or {UNSET_HINT}"
Use = Literal["training", "processing"]
"""The kinds of job for which AWS has prices of an instance's hour."""
InstanceType = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
Hourly = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class InvalidPrices(GovernanceError):
    """A price file can't be used; the message names file, line, key and reason."""


class Prices(BaseModel):
    """Prices per hour. ``date``: of the oldest price; ``currency``: ISO 4217; ``source``: where they are published; ``note``: what to know
    about them; ``file``: the file that they were read from."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    date: dt.date
    region: str = Field(min_length=1)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    source: str = Field(min_length=1)
    note: str = ""
    training: dict[InstanceType, Hourly]
    processing: dict[InstanceType, Hourly]
    file: str = ""

    @field_validator("date")
    @classmethod
    def _check_not_future(cls, value: dt.date) -> dt.date:
        if value > dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1):  # it may be tomorrow already in another time zone
            raise ValueError(f"{value} is in the future: give the date on which the prices were read")
        return value

    def hourly(self, use: Use, instance_type: str) -> float | None:
        """The price of an hour; None if the table has none."""
        return (self.training if use == "training" else self.processing).get(instance_type)

    def age(self, today: dt.date | None = None) -> dt.timedelta:
        """How old the prices are."""
        return (today or dt.datetime.now(dt.UTC).date()) - self.date

    def is_outdated(self, today: dt.date | None = None) -> bool:
        """Whether the prices are so old that they should be checked."""
        return self.age(today) > MAX_AGE


def parse_prices(content: bytes, name: str = "prices.toml") -> Prices:
    """The price table in a file's content. Raises InvalidPrices with file, line and reason."""
    return toml_file.parse_validated(Prices, content, name, InvalidPrices, FIX_HINT, file=name)


def load_in_force(settings: Settings) -> Prices:
    """The table for estimates: the file in ``GOVERNANCE_PRICES``, or else the product's own. Raises InvalidPrices."""
    path = settings.prices or BUNDLED_FILE
    name = str(path) if settings.prices else "a copy of the product's own, named in GOVERNANCE_PRICES"
    try:
        return parse_prices(path.read_bytes(), name)
    except OSError as error:
        what, remedy = f"{path} can't be read: {error.strerror}.", f"Check its name, or {UNSET_HINT}"
        raise InvalidPrices(what, resource=str(path), hint=remedy) from error
