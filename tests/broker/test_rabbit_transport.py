"""The transport of the bus as kombu and oslo.messaging use it, with a broker."""

import contextlib
import gc
import time

import amqp
import kombu
import pytest
from oslo_messaging import conffixture

from consoles import exception
from consoles.context import RequestContext
from consoles.rpc import rabbit as ahead
from consoles.rpc import transport
from consoles.rpc.consoleauth import ConsoleAuth
from tests.fixtures.processes import wait_for


def waited(connection):
    """Seconds in which nothing came although they were to be one thousandth."""
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        connection.drain_events(timeout=0.001)
    return time.monotonic() - begun


def test_who_consumes_waits_longer_and_still_hears_at_once_who_sends_does_not(conf, rabbit):
    transport.register_opts(conf)
    with kombu.Connection(rabbit.url.replace("rabbit", "amqp", 1), heartbeat=60) as connection:
        assert isinstance(connection.connection.transport, ahead.Plain)
        channel = connection.channel()
        queue = channel.queue_declare(exclusive=True).queue
        assert min(waited(connection) for _ in range(5)) < ahead.WAIT
        heard = []
        channel.basic_consume(queue, callback=heard.append, no_ack=True)
        assert waited(connection) >= ahead.WAIT * 0.9
        for number in range(3):
            kombu.Producer(channel).publish(f"{number}", routing_key=queue)
        while len(heard) < 3:
            connection.drain_events(timeout=30)
        assert [message.body for message in heard] == ["0", "1", "2"]


def test_a_broker_that_freezes_is_noticed_by_the_heartbeats_that_do_not_come(conf, own_rabbit):
    transport.register_opts(conf)
    with kombu.Connection(own_rabbit.url.replace("rabbit", "amqp", 1), heartbeat=2) as connection:
        channel = connection.channel()
        channel.basic_consume(channel.queue_declare(exclusive=True).queue)

        def lives():
            try:
                with contextlib.suppress(TimeoutError):
                    connection.drain_events(timeout=0.001)
                connection.heartbeat_check()
            except connection.connection_errors:
                return False
            return True

        assert lives()
        own_rabbit.freeze()
        try:
            wait_for(lambda: not lives())
        finally:
            own_rabbit.thaw()


def connections():
    return [each for each in gc.get_objects()
            if isinstance(each, amqp.Connection) and each.connected]


def test_every_connection_of_the_bus_is_made_of_it(conf, rabbit):
    """Were oslo.messaging or kombu to make them otherwise, nothing else would tell."""
    with conffixture.ConfFixture(conf, transport_url=rabbit.url):
        before = connections()
        bus = transport.Bus(conf)
        try:
            auth = ConsoleAuth(transport.ThreadCaller(bus))
            with pytest.raises(exception.ConsoleauthUnavailable):
                auth.get_connection_details(RequestContext(), "none")
            made = [each for each in connections() if not any(each is old for old in before)]
            assert len(made) >= 2  # one to send, one for answers
            assert {type(each) for each in made} == {ahead.Connection}
            assert {type(each.transport) for each in made} == {ahead.Plain}
        finally:
            bus.close()
