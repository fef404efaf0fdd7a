"""What consoles-connect reads out of a URL, out of the API's answers, and out of --viewer."""

import json

import pytest

from consoles import exception
from consoles.client import console_url
from consoles.client import reach
from consoles.client import viewers
from consoles.model import ConsoleType
from consoles.wire import access_url


@pytest.mark.parametrize(("url", "type_", "viewer", "address"), [
    ("http://h:6080/vnc_auto.html?path=%3Ftoken%3DT", "novnc", "vnc", "ws://h:6080/?token=T"),
    ("https://h/n/vnc_lite.html?path=%3Ftoken%3DT&title=a%28b%29", "novnc", "vnc",
     "wss://h/n/?token=T"),
    ("https://h/n/x.html?path=websockify%3Fa%3D1%26token%3DT", "novnc", "vnc",
     "wss://h/websockify?a=1&token=T"),
    ("http://h/vnc.html?token=T", "novnc", "vnc", "ws://h/?token=T"),
    ("http://[::1]:6081/console?token=T", "xvpvnc", "vnc", "http://[::1]:6081/console?token=T"),
    ("https://h/console?x=1&token=T\n", "xvpvnc", "vnc", "https://h/console?x=1&token=T"),
    ("HTTPS://h:6082/s/spice_auto.html?token=T", "spice-html5", "spice", "wss://h:6082/s/?token=T"),
    ("http://h:6090/?token=T", "webmks", "vnc", "ws://h:6090/?token=T"),
    ("http://h:13002/nova?token=T", "spice-direct", "spice", "http://h:13002/nova?token=T")])
def test_the_type_is_told_from_the_url(url, type_, viewer, address):
    place = console_url.parse(url)
    assert (place.type, place.viewer, place.url) == (type_, viewer, address)
    assert "token" not in repr(place)


def test_the_type_that_is_said_counts_first():
    assert console_url.parse("http://h/mks/?token=T", "webmks").url == "ws://h/mks/?token=T"
    assert console_url.parse("wss://h/?token=T", "webmks").url == "wss://h/?token=T"
    assert console_url.parse("http://h/x?token=T", "xvpvnc").url == "http://h/x?token=T"


@pytest.mark.parametrize("name", sorted(console_url.VIEWERS))
def test_what_the_service_puts_together_is_taken_apart(name):
    base = {"novnc": "https://h/a/vnc_auto.html?path=b%2Fc&autoconnect=1"}.get(name, "https://h/a/d")
    token = "Aa0_-" * 8
    place = console_url.parse(access_url.join(base, token, ConsoleType(name)), name)
    assert place.origin == "https://h"
    assert place.url.endswith(f"token={token}")


@pytest.mark.parametrize("answer", [
    {"console": {"type": "webmks", "url": "http://h/?token=T"}},
    {"remote_console": {"protocol": "mks", "type": "webmks", "url": "http://h/?token=T"}},
    {"protocol": "mks", "type": "webmks", "url": "http://h/?token=T"}])
def test_an_answer_of_the_api_has_the_type_in_it(answer):
    assert console_url.parse(json.dumps(answer, indent=1)).type == ConsoleType.WEBMKS


@pytest.mark.parametrize(("text", "said"), [
    ("", "no URL"), ("consoles.example", "no URL"), ("ftp://h/?token=T", "no URL"),
    ("http://", "no URL"), ("http://h:port/", "no URL"), ("http://user:pw@h/?token=T", "no URL"),
    ("http://h/console?token=T\r\nX: y", "no URL"), ("http://h/con sole?token=T", "no URL"),
    ("http://h/\u00e9?token=T", "no URL"), ("http://[::1/?token=T", "no URL"),
    ("http://h/x?token=T", "--type"), ("ws://h:6083/?token=T", "consoles-serial"),
    ('{"type": "rdp-html5", "url": "http://h/?token=T"}', "rdp-html5"),
    ("{", "JSON"), ('{"a":' + "[" * 60_000, "JSON"),
    ('{"console": 7}', "JSON"), ('{"console": {}}', "JSON"), ('{"a": 1}', "JSON"),
    ('{"url": null}', "no URL"), ('{"type": [], "url": "http://h/console"}', None)])
def test_what_is_no_url_of_a_console(text, said):
    if said is None:
        assert console_url.parse(text).type == ConsoleType.XVPVNC
        return
    with pytest.raises(reach.BadUrl, match=said) as caught:
        console_url.parse(text)
    assert "token" not in str(caught.value)
    assert "pw" not in str(caught.value)


PLACES = {"host": "127.0.0.1", "port": "7", "uri": "vnc://127.0.0.1:7", "file": "/x/c.vv"}


@pytest.mark.parametrize(("text", "words"), [
    ("vncviewer", ["vncviewer", "127.0.0.1::7"]),
    ("/opt/bin/xtigervncviewer -Shared", ["/opt/bin/xtigervncviewer", "-Shared", "127.0.0.1::7"]),
    ("remote-viewer --full-screen", ["remote-viewer", "--full-screen", "vnc://127.0.0.1:7"]),
    ("spicy", ["spicy", "--uri=vnc://127.0.0.1:7"]),
    ("remote-viewer {file}", ["remote-viewer", "/x/c.vv"]),
    ("mine '-at {host} {port}' {other}", ["mine", "-at 127.0.0.1 7", "{other}"])])
def test_a_viewer_is_told_where_to_connect(text, words):
    assert viewers.fill(viewers.command(text), PLACES) == words


def test_a_place_that_there_is_not_is_said():
    words = viewers.command("remote-viewer", file_only=True)
    assert viewers.fill(words, {"file": "a.vv"}) == ["remote-viewer", "a.vv"]
    with pytest.raises(reach.BadUrl, match="{uri}"):
        viewers.fill(viewers.command("remote-viewer {uri}", file_only=True), {"file": "a.vv"})


def test_every_end_of_a_session_has_its_sentence():
    """The relay says a reason's words; the rest are sentences of the service's own."""
    words = {reason.replace("_", " ") for reason, code in exception.CLOSE_CODES.items()
             if code != 1000}
    assert words <= set(reach.ENDINGS)
    assert all(sentence.endswith(".") for sentence in
               [*reach.ENDINGS.values(), *reach.STATUSES.values()])


def test_every_status_of_a_refusal_has_its_sentence():
    statuses = {int(error.http_status) for error in vars(exception).values()
                if isinstance(error, type) and issubclass(error, exception.ConsolesError)
                and error.close_code != 1011}
    assert statuses - {501} == set(reach.STATUSES)     # 501 is the API's alone
