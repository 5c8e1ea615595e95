import re

from engine.wire.served_operations import OPERATIONS
from tools.clients import NOT_SERVED, OUT, page, results


def test_the_page_of_clients_has_every_operation_and_each_was_answered():
    """`make clients` renews it."""
    answered = {}
    for section in OUT.read_text(encoding="utf-8").split("\n## ")[1:]:
        service = section.partition("\n")[0]
        for name, cells in re.findall(r"^\| (\w+) \|(.*)\|$", section, re.MULTILINE):
            answered[service, name] = "✓" in cells
    assert {operation for operation in answered if operation[0] != "s3" and operation[1] != "operation"} == OPERATIONS.keys()
    assert not [operation for operation in OPERATIONS if not answered[operation]]


def test_what_a_client_asks_for_and_the_engine_does_not_serve_is_a_gap(tmp_path):
    line = '{"service": "sagemaker", "operation": "%s", "code": "%s"}\n'
    (tmp_path / "access.log").write_text(line % ("ListDomains", "UnknownOperationException") + line % ("ListModels", ""))
    text = page(results({"SDK v2": tmp_path}))
    assert "| sagemaker:ListDomains | SDK v2 | UnknownOperationException |" in text
    assert "| ListModels |  |  | ✓ |  |" in text
    assert "UnknownOperationException" in NOT_SERVED
