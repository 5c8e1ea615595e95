"""The settings in force, and whether the files that they name can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core import identity, settings
from core.aws import container_images
from core.aws.target import EXECUTION_ROLE, Target
from core.costs import prices
from core.doctor.findings import Finding
from core.errors import GovernanceError
from core.governance import policy, regulatory_profiles
from core.ledger import signing
from core.settings import Settings


@dataclass(frozen=True)
class SettingInForce:
    """A setting in force. ``is_changed``: whether it differs from the product's default."""

    variable: str
    value: str
    is_changed: bool
    description: str


def list_settings(target: Target) -> list[SettingInForce]:
    """All settings, in the order of ``Settings``."""
    its = target.settings
    without = {
        "bucket": target.bucket,
        "role": f"the role {EXECUTION_ROLE} of the account",
        "processing_instance_type": its.instance_type,
        "analysis_image": container_images.analysis_image(target),
        "prices": "the product's own",
        "policy": "the product's own",
        "profiles": "the product's own",
        "signing_key": f"{its.workspace / signing.KEY_FILE}, on the local target only",
    }
    return [
        SettingInForce(
            settings.variable_name(name),
            target.region if name == "region" else settings.format_value(getattr(its, name)) or without.get(name, "none"),
            getattr(its, name) != field.default,
            field.description or "",
        )
        for name, field in type(its).model_fields.items()
    ]


def check_settings(its: Settings) -> Iterator[Finding]:
    """Variables that look like misspelt settings, and whether the files that settings name can be read."""
    for name, meant in settings.find_unknown_variables().items():
        remedy = f"Do you mean {meant}?" if meant else "The settings page lists all settings."
        yield Finding("settings", name, "advice", "no setting has this name, so it has no effect.", remedy)

    readers: tuple[tuple[str, object, Callable[[], object]], ...] = (
        ("prices", its.prices, lambda: prices.load_in_force(its)),
        ("policy", its.policy, lambda: policy.load_file(its.policy or policy.BUNDLED)),
        ("profiles", its.profiles, lambda: regulatory_profiles.load_profiles(its.profiles)),
        ("roles_file", its.roles_file, lambda: identity.account_from_claims({"iss": "-", "sub": "-", "exp": 1e12}, its)),
        ("trusted_keys", its.trusted_keys, lambda: signing.load_trusted_keys(its)),
    )
    for name, value, read in readers:
        if value:
            variable = settings.variable_name(name)
            try:
                read()
            except GovernanceError as error:
                yield Finding("settings", variable, "missing", error.message, error.hint)
            else:
                yield Finding("settings", variable, "ok", f"{settings.format_value(value)} can be read.")
