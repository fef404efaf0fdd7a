"""The headers of the pages as a proxy sends them, and the cookies that it never sets."""

import pytest

from consoles import exception
from consoles import model
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.functional.test_static import ask

PATHS = ["/", "/vnc_lite.html", "/console.css", "/js/app.js", "/icons/console.svg", "/nothing"]


def policy(headers):
    return dict(part.partition(" ")[::2]
                for part in headers["content-security-policy"].split("; "))


def test_whatever_is_answered_is_guarded(proxy):
    for method in ("GET", "HEAD", "POST"):
        for path in PATHS:
            _, headers, _ = ask(proxy, path, method)
            assert policy(headers)["default-src"] == "'self'"
            assert "script-src" not in policy(headers)
            assert policy(headers)["frame-ancestors"] == "'self'"
            assert headers["x-frame-options"] == "SAMEORIGIN"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "clipboard-write=(self)" in headers["permissions-policy"]
            assert "strict-transport-security" not in headers


@pytest.mark.parametrize(("path", "kind"), [
    ("/", "text/html; charset=utf-8"), ("/js/app.js", "text/javascript"),
    ("/console.css", "text/css"), ("/icons/console.svg", "image/svg+xml")])
def test_no_type_is_left_to_guessing(proxy, path, kind):
    assert ask(proxy, path)[1]["content-type"] == kind


@pytest.mark.parametrize("path", ["/?token=S", "/vnc_auto.html?path=%3Ftoken%3DS",
                                  "/vnc_lite.html", "/nothing?token=S"])
def test_what_has_a_token_in_its_address_is_kept_nowhere(proxy, path):
    assert ask(proxy, path)[1]["cache-control"] == "no-store"


def test_assets_are_asked_for_again(proxy):
    assert ask(proxy, "/js/app.js")[1]["cache-control"] == "no-cache"


def test_a_dashboard_that_is_named_may_frame(make_proxy):
    proxy = make_proxy(proxy__frame_ancestors=["self", "https://dashboard.example.org"])
    _, headers, _ = ask(proxy, "/")
    assert policy(headers)["frame-ancestors"] == "'self' https://dashboard.example.org"
    assert "x-frame-options" not in headers


def test_nobody_may_frame_where_none_is_set(make_proxy):
    _, headers, _ = ask(make_proxy(proxy__frame_ancestors=["none"]), "/")
    assert policy(headers)["frame-ancestors"] == "'none'"
    assert headers["x-frame-options"] == "DENY"


def test_a_wrong_frame_ancestor_is_told_at_start(make_proxy):
    with pytest.raises(exception.ConfigError, match="frame_ancestors has 'dashboard'"):
        make_proxy(proxy__frame_ancestors=["dashboard"])


def test_pages_of_the_operators_own_may_have_scripts_in_them(make_proxy, tmp_path):
    (tmp_path / "vnc_lite.html").write_text("<script>1</script>")
    _, headers, _ = ask(make_proxy(vnc__web=str(tmp_path)), "/")
    assert policy(headers)["script-src"] == "'self' 'unsafe-inline'"
    assert policy(headers)["frame-ancestors"] == "'self'"


def test_no_answer_sets_a_cookie(proxy, consoleauth):
    consoleauth.add("S", targets.Target(targets.rfb_server(targets.echo)).port)
    for path in (*PATHS, "/?token=S"):
        assert "set-cookie" not in ask(proxy, path)[1]
    for token in ("S", "unknown"):
        upgraded = proxy.connect(token, origin=proxy.own_origin)
        assert "set-cookie" not in upgraded.answer


@pytest.mark.parametrize("path", ["/?token=S", "/?path=%3Ftoken%3DS", "/websockify?token=S"])
def test_the_query_wins_over_a_cookie(proxy, consoleauth, path):
    consoleauth.add("S", targets.Target(targets.rfb_server(targets.echo)).port)
    ws = proxy.connect(path=path, extra=[("Cookie", "token=of-another-tab")])
    assert ws.recv_message() == b"RFB 003.008\n"
    assert [asked for asked, _ in consoleauth.asked] == [model.token_hash("S")]


def test_a_cookie_does_not_rescue_what_the_query_says(proxy, consoleauth):
    consoleauth.add("S", 1)
    for query in ("token=", "token=unknown", "path=%3Ftoken%3D",
                  "token=unknown&path=%3Ftoken%3DS"):
        with pytest.raises(ws_client.Refused) as refused:
            proxy.connect(path=f"/?{query}", extra=[("Cookie", "token=S")])
        assert refused.value.status == 401
