"""Draws one page of the app in a fresh process, which has read nothing yet, and prints what it asked the target, as JSON.

``python cold_page.py PAGE PERSON [QUERY=VALUE …]``: each line of the answer is [operation, what it names].
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paths import APP, ROOT


def draw(workspace: Path, page: str, person: str, environment: Mapping[str, str], **query: str) -> dict[str, Any]:
    """What a fresh process asks the target for one page: ``asked``, as [operation, object]; ``errors``, ``text``: what it shows."""
    command = [sys.executable, __file__, page, person, *(f"{name}={value}" for name, value in query.items())]
    known = {**os.environ, "GOVERNANCE_WORKSPACE": str(workspace), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=known, check=False, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main(page: str, person: str, *queries: str) -> None:
    from botocore.client import BaseClient
    from streamlit.testing.v1 import AppTest

    asked, call = [], BaseClient._make_api_call

    def note(client: BaseClient, operation: str, arguments: Any) -> Any:
        asked.append([operation, json.dumps(arguments, sort_keys=True, default=str)])
        return call(client, operation, arguments)

    BaseClient._make_api_call = note  # type: ignore[attr-defined]
    test = AppTest.from_file(APP, default_timeout=100)
    test.query_params["as"] = person
    for query in queries:
        name, _, value = query.partition("=")
        test.query_params[name] = value
    if page != "overview":  # which the router shows by itself; to switch to it would cut its parallel parts off
        test.switch_page(f"pages/{page}.py")
    test.run()
    errors = [str(one.value) for one in [*test.exception, *test.error]]
    text = [str(one.value) for one in [*test.title, *test.subheader, *test.markdown, *test.caption]]
    print(json.dumps({"asked": asked, "errors": errors, "text": "\n".join(text)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
