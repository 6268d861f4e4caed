"""ONNX's own node tests: each passes, or is refused for the reason that is listed, or the list is wrong."""

import json

import pytest

from tests.exchange.node_tests import OPERATORS, REFUSED, node_tests, run

TESTS = {test.name: test for test in node_tests()}
EXPECTED = json.loads(REFUSED.read_text())


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_node_test_passes_or_is_refused_for_its_listed_reason(operator):
    found = {name: run(test) for name, test in TESTS.items() if test.model.graph.node[0].op_type == operator}
    assert found, f"onnx has no node test of {operator}"
    failed = [f"{o.name}: {o.text}" for o in found.values() if o.result == "failed"]
    assert not failed
    refused = {o.name: o.text for o in found.values() if o.result == "refused"}
    assert refused == {name: EXPECTED[name] for name in found if name in EXPECTED}


def test_the_list_names_only_tests_that_there_are():
    assert set(EXPECTED) <= set(TESTS)
