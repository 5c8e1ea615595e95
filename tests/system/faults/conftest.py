"""What was survived is counted, by kind, and shown at the end."""

from __future__ import annotations

from collections import Counter

import pytest
from hosting import end_launchers


@pytest.fixture(scope="session", autouse=True)
def launchers():
    yield
    end_launchers()


@pytest.fixture
def survived(request):
    """``survived("kill -9 of the engine", 24)``; call it when it is certain."""

    def count(kind, times=1):
        request.node.user_properties.append(("survived", (kind, times)))

    return count


def pytest_terminal_summary(terminalreporter):
    table = Counter()
    for report in terminalreporter.getreports("passed"):
        if report.when == "call":
            for name, value in report.user_properties:
                if name == "survived":
                    table[value[0]] += value[1]
    if table:
        terminalreporter.section("faults survived")
        for kind, times in sorted(table.items()):
            terminalreporter.write_line(f"{times:6}  {kind}")
        terminalreporter.write_line(f"{sum(table.values()):6}  together")
