"""What browsers are told about the pages."""

import pytest

from consoles import exception
from consoles.proxies import page_policy


@pytest.mark.parametrize(("entries", "ancestors"), [
    (["self"], ["'self'"]),
    (["'self'"], ["'self'"]),
    (["none"], ["'none'"]),
    ([" 'NONE' "], ["'none'"]),
    (["self", "https://dashboard.example.org"], ["'self'", "https://dashboard.example.org"]),
    (["HTTPS://Dashboard.Example.org:8443"], ["https://dashboard.example.org:8443"]),
    (["http://10.0.0.7:80", "https://*.example.org", "https://a.example:*"],
     ["http://10.0.0.7:80", "https://*.example.org", "https://a.example:*"]),
])
def test_frame_ancestors(entries, ancestors):
    assert page_policy.frame_ancestors(entries) == tuple(ancestors)


@pytest.mark.parametrize("entry", [
    "*", "https:", "https://", "https://*", "dashboard.example.org", "https://a.example/horizon",
    "https://a.example/", "https://a.example; script-src *", "https://a.example https://b.example",
    "https://a.example\r\nX: y", "https://user@a.example", "https://a.example:port",
    "https://[2001:db8::1]", "ftp://a.example", "javascript://a", "data:", "'unsafe-inline'",
    "https://a.*.example", "https://-a.example", "null", ""])
def test_what_is_no_origin_is_told(entry):
    with pytest.raises(exception.ConfigError, match="frame_ancestors has .*which is no origin"):
        page_policy.frame_ancestors(["self", entry])


@pytest.mark.parametrize("entries", [[], ["none", "self"], ["https://a.example", "'none'"]])
def test_none_stands_alone(entries):
    with pytest.raises(exception.ConfigError, match="`none` alone"):
        page_policy.frame_ancestors(entries)


def test_the_strict_policy_lets_no_inline_script_pass():
    made = page_policy.headers(("'self'",), inline=False, hsts=False)
    assert made["Content-Security-Policy"] == (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; "
        "media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'")


def test_foreign_pages_may_have_scripts_in_them_but_load_none_from_elsewhere():
    made = page_policy.headers(("'self'",), inline=True, hsts=False)
    policy = made["Content-Security-Policy"].split("; ")
    assert "script-src 'self' 'unsafe-inline'" in policy
    assert "default-src 'self'" in policy
    assert "eval" not in made["Content-Security-Policy"]


def test_pages_of_ours_may_have_styles_that_they_write_and_no_scripts():
    made = page_policy.headers(("'self'",), inline=False, hsts=False, styled=True)
    policy = made["Content-Security-Policy"].split("; ")
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert made["Content-Security-Policy"].count("unsafe") == 1


@pytest.mark.parametrize(("ancestors", "old"), [
    (("'self'",), "SAMEORIGIN"), (("'none'",), "DENY"), (("https://a.example",), None),
    (("'self'", "https://a.example"), None)])
def test_the_old_header_says_the_same_or_nothing(ancestors, old):
    assert page_policy.headers(ancestors, False, False).get("X-Frame-Options") == old


def test_hsts_only_where_there_is_tls_only():
    assert "Strict-Transport-Security" not in page_policy.headers(("'self'",), False, hsts=False)
    made = page_policy.headers(("'self'",), False, hsts=True)
    assert made["Strict-Transport-Security"] == "max-age=31536000"
