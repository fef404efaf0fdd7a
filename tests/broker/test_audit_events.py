"""Audit events over RabbitMQ, as a collector of a whole cloud reads them: what a request says."""

import pathlib
import queue

import pytest
from oslo_config import cfg
from oslo_messaging import conffixture

from tests.fixtures.bus import notified
from tests.fixtures.cloud import Cloud
from tests.fixtures.cloud import RED

MAP = pathlib.Path(__file__).parents[2] / "etc/consoles/api_audit_map.conf"


class Collector:
    """An endpoint for notifications; `next` waits for one."""

    def __init__(self):
        self._told = queue.Queue()

    def info(self, context, publisher_id, event_type, payload, metadata):
        self._told.put({"context": context, "publisher": publisher_id, "type": event_type,
                        "payload": payload})

    def next(self, event_type, action):
        while True:
            event = self._told.get(timeout=30)
            if (event["type"], event["payload"]["action"]) == (event_type, action):
                return event


@pytest.fixture
def collector(rabbit):
    """Listens as others' programs do, with oslo.messaging's own defaults; `url` is its vhost."""
    collector = Collector()
    collector.url = rabbit.new_vhost()
    conf = cfg.ConfigOpts()
    conf([], project="collector", default_config_files=[], default_config_dirs=[])
    with (conffixture.ConfFixture(conf, transport_url=collector.url),
          notified(conf, collector, exchange="consoles")):
        yield collector


def test_a_request_and_its_answer_are_told_without_a_token(
        services, keystone, rabbit, collector):
    cloud = Cloud(services, rabbit.new_vhost(), keystone, audit_middleware_notifications={
        "driver": "messagingv2", "transport_url": f"{collector.url}?amqp_auto_delete=false"})
    cloud.base["api"]["audit_map_file"] = MAP
    services.configure(cloud.base)
    cloud.start()
    mary = cloud.of("mary")

    url = cloud.open_console(mary)
    opened = collector.next("audit.http.response", "create/console")
    payload = opened["payload"]
    assert opened["publisher"].startswith("consoles-api")
    assert payload["initiator"]["name"] == "mary"
    assert payload["initiator"]["project_id"] == keystone.projects["red"]
    assert payload["initiator"]["request_id"].startswith("req-")
    assert payload["requestPath"] == f"/servers/{RED}/console"
    assert payload["target"]["typeURI"] == "service/compute/servers/server/console"
    assert (payload["outcome"], payload["reason"]["reasonCode"]) == ("success", "200")

    token = url.rpartition("token%3D")[2]
    # The first microversion looks only RDP's up; its refusal is told, too.
    assert cloud.status(cloud.of("adam"), f"/v2.1/os-console-auth-tokens/{token}") == 400
    looked_up = collector.next("audit.http.response", "read")
    assert looked_up["payload"]["outcome"] == "failure"
    assert looked_up["payload"]["requestPath"] == "/v2.1/os-console-auth-tokens/TOKEN"
    for event in (opened, looked_up):
        for secret in (mary, mary[:16], mary[-16:], token):
            assert secret not in str(event)
