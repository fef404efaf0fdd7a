"""The token in the URL: where each kind of page looks for it, and nothing else lost."""

from urllib.parse import parse_qs
from urllib.parse import parse_qsl
from urllib.parse import urlencode
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consoles.model import ConsoleType
from consoles.wire import access_url

OTHERS = sorted(set(ConsoleType) - {ConsoleType.NOVNC})
KEYS = st.text(min_size=1).filter(lambda key: key not in ("path", "token"))
TOKENS = st.from_regex(r"\A[A-Za-z0-9_-]{1,60}\Z")


@pytest.mark.parametrize("base, url", [
    ("http://h:6080/vnc_lite.html", "http://h:6080/vnc_lite.html?path=%3Ftoken%3DT"),
    ("https://h/novnc/vnc_auto.html?path=novnc",
     "https://h/novnc/vnc_auto.html?path=novnc%3Ftoken%3DT"),
    ("http://h/vnc.html?path=a&autoconnect=1",
     "http://h/vnc.html?path=a%3Ftoken%3DT&autoconnect=1"),
    ("http://h/vnc.html?resize=&x=y", "http://h/vnc.html?resize=&x=y&path=%3Ftoken%3DT"),
    ("http://h/vnc.html?path=ws%3Fa%3Db", "http://h/vnc.html?path=ws%3Fa%3Db%26token%3DT"),
    ("http://[2001:db8::1]:6080", "http://[2001:db8::1]:6080/?path=%3Ftoken%3DT"),
    ("http://h/vnc.html#settings", "http://h/vnc.html?path=%3Ftoken%3DT"),
])
def test_novnc_carries_the_token_inside_path(base, url):
    assert access_url.join(base, "T", "novnc") == url


@pytest.mark.parametrize("base, url", [
    ("ws://h:6083/", "ws://h:6083/?token=T"),
    ("ws://h:6083", "ws://h:6083/?token=T"),
    ("http://h/spice_auto.html?a=%20b", "http://h/spice_auto.html?a=%20b&token=T"),
    ("http://h/spice_auto.html?", "http://h/spice_auto.html?token=T"),
    ("http://h/console?path=x", "http://h/console?path=x&token=T"),
    ("http://h/console#part", "http://h/console?token=T"),
])
@pytest.mark.parametrize("console_type", OTHERS)
def test_the_others_carry_it_as_a_key(base, url, console_type):
    assert access_url.join(base, "T", console_type) == url


@given(st.dictionaries(KEYS, st.text()), st.none() | st.text(), TOKENS)
def test_novnc_loses_nothing(keys, path, token):
    given_keys = keys | ({} if path is None else {"path": path})
    url = access_url.join("https://h/p?" + urlencode(given_keys), token, "novnc")
    answered = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    carried = answered.pop("path")
    assert answered == keys
    assert carried.startswith(path or "")
    assert parse_qs(carried.partition("?")[2])["token"][-1] == token


@given(st.dictionaries(KEYS, st.text()), TOKENS, st.sampled_from(OTHERS))
def test_the_others_lose_nothing(keys, token, console_type):
    url = access_url.join("https://h/p?" + urlencode(keys), token, console_type)
    answered = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    assert answered == keys | {"token": token}
    assert "#" not in url


@given(TOKENS, st.sampled_from(list(ConsoleType)), st.sampled_from([
    "http://h:6080/vnc.html", "https://h/n/vnc.html?path=novnc", "ws://h:6083/", "http://h/?a=b"]))
def test_the_token_is_found_again_where_it_was_put(token, kind, base):
    assert access_url.token_in(base) is None
    assert access_url.token_in(access_url.join(base, token, kind)) == token
