"""Each page under each of AWS's failures. ``python -m tools.faults`` runs every case and writes docs/faults.md; here a part of them."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterator

import pytest
from botocore.retries import quota, standard
from matrix import DENIED, LASTING, PAGES, PASSING, RECORD, Screen, Seen, record
from proxy import S3_PERMISSIONS, Fault, Proxy

import core.aws.target
from core.aws.target import Config, connect
from core.jobs import jobs
from core.settings import Settings
from core.workflow import workspace_summary
from tools.faults import OUT, operations

USUAL = {"throttled, 500, cut", "credentials expired"}
"""Faults that the suite runs on every page."""
ONE, MORE = "overview", {"throttled for ever", "cut for ever"}
"""And further ones on one page."""

TABBED = {"data", "tuning", "bias", "explainability", "decisions"}
"""Pages whose tabs are there in any weather, so that the others can be opened."""


@pytest.fixture(scope="module")
def proxy(full) -> Iterator[Proxy]:
    """A proxy before the engine of the full workspace, to which the dashboard connects; no pauses between attempts."""

    def hasty(**settings):
        return Config(**{**settings, **({"read_timeout": 0.5} if hasty.short and "read_timeout" in settings else {})})

    hasty.short = False
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine = core.aws.target._ensure_local_engine(full)
        while any(job.status not in jobs.FINAL_STATUSES for job in workspace_summary.list_latest_jobs(connect(Settings(workspace=full)))):
            time.sleep(0.5)  # another test's: a running job would be seen to run longer at the second look
        with Proxy(engine["endpoint"]) as between:
            patch.setenv("GOVERNANCE_WORKSPACE", str(full))
            patch.setattr(core.aws.target, "_ensure_local_engine", lambda workspace: {**engine, "endpoint": between.endpoint})
            patch.setattr(core.aws.target, "Config", hasty)
            patch.setattr(standard.ExponentialBackoff, "delay_amount", lambda self, context: 0)
            patch.setattr(quota.RetryQuota, "acquire", lambda self, amount: True)  # three faults in each of a hundred calls would use it up
            between.hasty = hasty
            yield between


@pytest.fixture(scope="module", params=PAGES)
def screen(request, proxy) -> Screen:
    return Screen(proxy, request.param)


def ask(seen: Seen, screen: Screen) -> str:
    """The errors of a page that is in trouble as it should be: no traceback, nothing that reads as if there were nothing there."""
    assert not seen.exceptions
    assert seen.errors
    assert not screen.nothing & set(seen.texts)
    assert seen.texts[0] == screen.plain.texts[0]  # its title
    return "\n".join(seen.errors)


def test_without_a_fault_a_page_is_whole_and_what_it_calls_is_written_down(screen):
    assert not screen.plain.exceptions
    assert not screen.plain.errors
    assert sum(screen.plain.drawn)
    assert screen.nothing
    written = OUT.read_text(encoding="utf-8")
    assert RECORD or set(screen.operations) <= set().union(*(operations(written, page) for page in PAGES))


def test_a_fault_that_passes_is_not_seen(screen):
    for name, faults in PASSING.items():
        if RECORD or name in USUAL:
            seen = screen.under(*faults)
            record(screen.page, name, seen, screen.plain)
            assert seen == screen.plain, name
            if name != "slow":
                assert len(screen.proxy.seen) > len(set(screen.proxy.seen))


def test_a_fault_that_lasts_is_an_error_with_a_remedy_and_passes_with_it(screen):
    for name, faults in LASTING.items():
        if RECORD or name in USUAL or (screen.page == ONE and name in MORE):
            screen.proxy.hasty.short = name == "silent"
            seen = screen.under(*faults)
            screen.proxy.hasty.short = False
            record(screen.page, name, seen, screen.plain)
            said = ask(seen, screen)
            assert re.search(r"[Tt]ry again|[Rr]eload|Sign in to AWS again", said), (name, said)
            if screen.page == ONE:
                screen.proxy.set()
                screen.test.run()
                assert screen.connected() == screen.plain, name


def test_a_denied_permission_is_named_with_who_can_give_it(screen):
    for operation in screen.operations:
        if not (RECORD or screen.page == first_page(operation, screen)):
            continue
        seen = screen.under(Fault("denied", re.escape(operation)))
        if operation not in screen.proxy.seen:  # asked at the first look only, of what another test had just made
            assert not seen.errors, operation
            continue
        record(screen.page, DENIED + operation, seen, screen.plain)
        said = ask(seen, screen)
        needed = S3_PERMISSIONS[operation.partition(":")[2]] if operation.startswith("s3:") else operation
        assert needed in said, (operation, said)
        assert "Ask the administrator of the account's IAM policies" in said
        assert seen.tabs or screen.page not in TABBED


_first: dict[str, str] = {}


def first_page(operation: str, screen: Screen) -> str:
    """The first page that calls the operation: in the suite it's denied there, and its sign-in everywhere else takes no time."""
    return _first.setdefault(operation, screen.page)
