"""Checks whether the target has what the workflow needs: a finding for each setting, resource and permission, with what to do about it.

Nothing is written or started, except the embedded engine if it is the target and isn't running. Permissions are simulated
(SimulatePrincipalPolicy), the signing key signs a test message, everything else is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.aws.target import Target, connect
from core.doctor.findings import Finding
from core.doctor.permissions import check_permissions
from core.doctor.settings_in_force import check_settings
from core.doctor.target_checks import (
    check_assumed_roles,
    check_bucket,
    check_caller,
    check_encryption_key,
    check_execution_role,
    check_images,
    check_network,
    check_quotas,
    check_signing_key,
    state_for_error,
)
from core.errors import GovernanceError
from core.settings import InvalidSetting, Settings


def examine_target(read_settings: Callable[[], Settings]) -> Iterator[Finding]:
    """The findings of ``check_target``; if connecting fails, those about the settings, and why it fails."""
    try:
        its = read_settings()
    except InvalidSetting as error:
        yield Finding("settings", error.resource, "missing", error.message, error.hint)
        return
    try:
        target = connect(its)
    except GovernanceError as error:
        yield from check_settings(its)
        yield Finding("target", its.target, "missing", error.message, error.hint)
    else:
        yield from check_target(target)


def check_target(target: Target) -> Iterator[Finding]:
    """All findings: settings, resources, permissions."""
    yield from check_settings(target.settings)
    for area, look in (
        ("sign-in", check_caller),
        ("sign-in", check_assumed_roles),
        ("bucket", check_bucket),
        ("execution role", check_execution_role),
        ("signing key", check_signing_key),
        ("encryption key", check_encryption_key),
        ("network", check_network),
        ("images", check_images),
        ("quotas", check_quotas),
    ):
        try:
            yield from look(target)
        except GovernanceError as error:
            yield Finding(
                area,
                error.resource or area,
                state_for_error(error) if area in READ_BY_DOCTOR_ONLY else "missing",
                error.message,
                error.hint,
            )
    yield from check_permissions(target)


READ_BY_DOCTOR_ONLY = {"execution role", "encryption key", "network"}
"""Areas that nothing but the doctor reads: if it may not read them, jobs may still be able to use them."""


def has_passed(findings: list[Finding]) -> bool:
    """Whether nothing is missing."""
    return not any(finding.state == "missing" for finding in findings)


# settings ------------------------------------------------------------------------------------------


# resources -----------------------------------------------------------------------------------------
