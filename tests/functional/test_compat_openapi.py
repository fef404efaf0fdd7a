"""The OpenAPI document: served, valid, whole; and requests made of it find nothing it hides."""

import hypothesis
import pytest
import schemathesis
from schemathesis.specs.openapi import checks as openapi_checks

from consoles.api import policies
from consoles.api import routes
from consoles.api.handlers import actions

CHECKS = [openapi_checks.status_code_conformance, openapi_checks.content_type_conformance,
          openapi_checks.response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(routes.description())
#: Every case is sent in all of them: a token, and a server that is there instead of any.
WAYS = [("ann:demo", None), ("eve:other", "running"),
        ("root:admin", "plain")]


@pytest.mark.parametrize("path", ["/openapi.json"])
def test_it_is_served_without_a_token(api, path):
    answer = api("GET", path, token="")
    assert answer.json == routes.description()
    assert answer.content_type == "application/json"


def test_it_is_valid():
    SCHEMA.validate()


def test_every_operation_is_in_it():
    paths = routes.description()["paths"]
    wanted = {(routes.VERSION_PREFIX + path, method.lower())
              for path, methods in routes.RESOURCES.items() for method in methods}
    assert wanted <= {(path, method) for path, methods in paths.items() for method in methods}
    assert all(name in paths["/v2.1/servers/{server_id}/action"]["post"]["description"]
               for name in actions.ACTIONS)


def test_every_rule_is_asked_by_an_operation_and_every_operation_has_one():
    operations = [one for methods in routes.RESOURCES.values() for one in methods.values()
                  if one is not actions.run] + list(actions.ACTIONS.values())
    asked = {rule for one in operations for rule in one.rules}
    assert asked == {rule.name for rule in policies.list_rules() if ":" in rule.name}
    assert [one.summary for one in operations if not one.rules] == [
        routes.remote_consoles.gone.summary] * 4


@SCHEMA.parametrize()
@hypothesis.settings(max_examples=20, deadline=None, derandomize=True, database=None,
                     suppress_health_check=list(hypothesis.HealthCheck))
def test_requests_made_of_it(case, world):
    for token, server_id in WAYS:
        case.headers["X-Auth-Token"] = token
        if "server_id" in case.path_parameters:
            case.path_parameters["server_id"] = server_id or case.path_parameters["server_id"]
        answer = case.call(app=world.application)
        assert answer.status_code not in (500, 503), answer.text
        case.validate_response(answer, checks=CHECKS)
