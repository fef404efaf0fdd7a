"""Which pages may open a console."""

import pytest

from consoles.exception import BadRequest
from consoles.exception import OriginRefused
from consoles.wire import origin


@pytest.mark.parametrize(("page", "host"), [
    ("http://a.example", "a.example"), ("https://A.Example:8443", "a.example:6080"),
    ("http://a.example.", "A.example"), ("http://[::1]:99", "[::1]:6080"),
    ("http://a.example", "a.example.")])
def test_the_host_that_was_asked(page, host):
    origin.check_host(origin.parse(page), host, [])


@pytest.mark.parametrize(("page", "host", "allowed", "base"), [
    ("http://b.example", "a.example", [], ""),
    ("http://b.example:1", "a.example", ["b.example:2"], ""),
    ("http://a.example.b.example", "a.example", ["b.example"], "http://c.example/"),
    ("http://xn--a.example", "a.example", [], "")])
def test_a_foreign_host(page, host, allowed, base):
    with pytest.raises(OriginRefused):
        origin.check_host(origin.parse(page), host, allowed, base)


@pytest.mark.parametrize(("page", "allowed", "base"), [
    ("http://b.example:5", ["b.example"], ""), ("http://b.example:5", ["b.example:5"], ""),
    ("https://c.example", [], "https://C.example:6080/vnc.html")])
def test_an_allowed_host(page, allowed, base):
    origin.check_host(origin.parse(page), "a.example", allowed, base)


@pytest.mark.parametrize("value", [
    "null", "", "a.example", "file:///", "http://u@a.example", "http://a.example/p",
    "http://a.example?q", "http://a:b", "http://[::1", "javascript:alert(1)", "//a.example"])
def test_what_no_page_has(value):
    with pytest.raises(OriginRefused):
        origin.parse(value)


@pytest.mark.parametrize("value", ["", "a b/c", "u@a", "a/b", "a:b", "[::1"])
def test_a_host_that_is_none(value):
    with pytest.raises(BadRequest):
        origin.host_of(value)


@pytest.mark.parametrize(("page", "base", "fits"), [
    ("http", "http", True), ("https", "https", True), ("http", "ws", True), ("ws", "ws", True),
    ("https", "wss", True), ("http", "https", False), ("https", "http", False),
    ("http", "wss", False), ("https", "ws", False)])
def test_schemes(page, base, fits):
    check = (origin.parse(f"{page}://a"), f"{base}://b/")
    if fits:
        origin.check_scheme(*check)
    else:
        with pytest.raises(OriginRefused):
            origin.check_scheme(*check)
