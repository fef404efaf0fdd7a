"""The `openstack` command's words for consoles: what is asked of the API, and what is refused."""

import pathlib
import re
import shlex
import webbrowser
from importlib import metadata
from types import SimpleNamespace

import pytest
from keystoneauth1 import exceptions as keystone_exceptions
from osc_lib import exceptions

from consoles.model import ConsoleType
from consoles.osc import opening
from consoles.osc import plugin
from consoles.osc import sessions

GROUP = "openstack.console.v1"
GUIDE = pathlib.Path(__file__).parents[2] / "doc/source/user/openstack-command.rst"


class Api:
    """Answers what is planned, in turn; `asked` is what it was asked."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = []

    def get(self, path, params):
        self.asked.append((path, params))
        return self._answer()

    def post(self, path, json):
        self.asked.append((path, json))
        return self._answer()

    def delete(self, path):
        self.asked.append(path)
        return self._answer()

    def _answer(self):
        status, body = self._answers.pop(0)
        return SimpleNamespace(status_code=status, json=lambda: body)


@pytest.fixture
def command():
    """`command(cls, word ...)` → the command and its arguments, with an API that has `answers`."""
    def command(cls, *words, answers=(), verify=True):
        connection = SimpleNamespace(current_project_id="mine", compute=SimpleNamespace(
            find_server=lambda name, **kwargs: SimpleNamespace(id=f"id-{name}")))
        said = []
        app = SimpleNamespace(
            stdout=SimpleNamespace(write=said.append), client_manager=SimpleNamespace(
                console=Api(*answers), sdk_connection=connection, verify=verify))
        made = cls(app, None)
        made.said, made.asked = said, app.client_manager.console.asked
        return made, made.get_parser("openstack").parse_args(words)
    return command


def url(text="http://p.example/vnc.html?path=%3Ftoken%3DT"):
    return 200, {"url": text}


def page(*ids, more=False):
    links = {"console_sessions_links": []} if more else {}
    return 200, {"console_sessions": [{"id": id} for id in ids], **links}


def test_no_command_of_the_clients_own_is_taken():
    ours = {point.name for point in metadata.entry_points(group=GROUP)}
    assert ours == {"console_open", "console_session_kill", "console_session_list"}
    theirs = {point.name for point in metadata.distribution("python-openstackclient").entry_points
              if point.group.startswith("openstack.")}
    assert "console_url_show" in theirs
    assert not ours & theirs


def test_every_command_is_there():
    for point in metadata.entry_points(group=GROUP):
        assert point.load().__doc__
    [point] = metadata.entry_points(group="openstack.cli.extension", name="console")
    assert point.load() is plugin
    assert f"openstack.{plugin.API_NAME}.v{plugin.DEFAULT_API_VERSION}" == GROUP


def test_the_guide_types_what_the_commands_take(command):
    typed = re.findall(r"[$] openstack console (open|session \w+)(.*)", GUIDE.read_text())
    classes = {point.name: point.load() for point in metadata.entry_points(group=GROUP)}
    assert {f"console_{name}".replace(" ", "_") for name, _ in typed} == set(classes)
    for name, words in typed:
        command(classes[f"console_{name}".replace(" ", "_")], *shlex.split(words))


def test_a_catalog_without_either_service(monkeypatch):
    class Session:
        def get_endpoint(self, auth, **kwargs):
            raise keystone_exceptions.EndpointNotFound(kwargs["service_type"])

    config = SimpleNamespace(**{f"get_{name}": lambda service_type: None
                                for name in ("interface", "region_name", "endpoint")})
    manager = SimpleNamespace(sdk_connection=SimpleNamespace(config=config, session=Session()))
    with pytest.raises(keystone_exceptions.EndpointNotFound, match="console or compute"):
        plugin.make_client(manager)


@pytest.mark.parametrize("words, path, query", [
    ([], "/console-sessions", {"project_id": "mine"}),
    (["--state", "live"], "/console-sessions", {"project_id": "mine", "state": "live"}),
    (["--all-projects"], "/console-sessions", {"all_tenants": "1"}),
    (["--server", "web"], "/servers/id-web/console-sessions", {}),
    (["--limit", "5"], "/console-sessions", {"project_id": "mine", "limit": "5"})])
def test_what_a_list_asks_for(command, words, path, query):
    listing, arguments = command(sessions.ListSessions, *words, answers=[page("a")])
    list(listing.take_action(arguments)[1])
    assert listing.asked == [(path, query)]


@pytest.mark.parametrize("words, shown, markers", [
    ([], ["a", "b", "c", "d"], [None, "b"]), (["--limit", "3"], ["a", "b", "c"], [None, "b"]),
    (["--limit", "2"], ["a", "b"], [None]), (["--limit", "0"], [], [])])
def test_a_list_goes_on_to_the_next_page(command, words, shown, markers):
    rest = ["c", "d"] if "3" not in words else ["c"]
    listing, arguments = command(sessions.ListSessions, "--all-projects", *words,
                                 answers=[page("a", "b", more=True), page(*rest)])
    columns, rows = listing.take_action(arguments)
    assert [row[columns.index("ID")] for row in rows] == shown
    assert [query.get("marker") for _, query in listing.asked] == markers


def test_an_id_stays_within_its_path(command):
    killing, arguments = command(sessions.KillSessions, "../servers/1?x", answers=[(204, None)])
    killing.take_action(arguments)
    assert killing.asked == ["/console-sessions/..%2Fservers%2F1%3Fx"]


def test_a_session_whose_proxy_is_away_is_killed_later(command, caplog):
    killing, arguments = command(sessions.KillSessions, "a", answers=[(202, None)])
    killing.take_action(arguments)
    assert "The proxy of session a does not answer." in caplog.text


@pytest.mark.parametrize("words, body", [
    ([], {"protocol": "vnc", "type": "novnc"}),
    (["--xvpvnc"], {"protocol": "vnc", "type": "xvpvnc"}),
    (["--spice"], {"protocol": "spice", "type": "spice-html5"}),
    (["--spice-direct"], {"protocol": "spice", "type": "spice-direct"}),
    (["--rdp"], {"protocol": "rdp", "type": "rdp-html5"}),
    (["--serial"], {"protocol": "serial", "type": "serial"}),
    (["--serial", "--line", "1"], {"protocol": "serial", "type": "serial", "line": 1}),
    (["--mks"], {"protocol": "mks", "type": "webmks"}),
    (["--ttl", "5", "--single-use", "--view-only", "--client-cidr", "192.0.2.0/24"],
     {"protocol": "vnc", "type": "novnc", "ttl": 5, "single_use": True, "view_only": True,
      "client_cidr": "192.0.2.0/24"})])
def test_what_is_asked_for_to_be_printed(command, words, body):
    opener, arguments = command(opening.OpenConsole, "--print", *words, "web", answers=[url()])
    assert opener.take_action(arguments) == 0
    assert opener.asked == [("/servers/id-web/console", body)]
    assert opener.said == [url()[1]["url"] + "\n"]


def test_every_type_has_a_flag():
    assert {kind for kind, _ in opening.FLAGS.values()} == set(ConsoleType)


@pytest.mark.parametrize("words, says", [
    (["--xvpvnc"], "No browser shows a console of type xvpvnc"),
    (["--spice-direct"], "--viewer"),
    (["--serial", "--viewer", "vncviewer"], "No viewer shows a console of type serial"),
    (["--rdp", "--viewer", "vncviewer"], "rdp-html5"),
    (["--viewer", "unknown"], "How unknown is told"), (["--viewer", ""], "needs a command"),
    (["--takeover"], "--takeover")])
def test_what_cannot_be_opened_is_refused_before_there_is_a_url(command, words, says):
    opener, arguments = command(opening.OpenConsole, *words, "web")
    with pytest.raises(exceptions.CommandError, match=says):
        opener.take_action(arguments)
    assert opener.asked == []


def test_a_machine_without_a_browser(command, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    opener, arguments = command(opening.OpenConsole, "web", answers=[url()])
    with pytest.raises(exceptions.CommandError, match="No browser can be started") as refused:
        opener.take_action(arguments)
    assert "token" not in str(refused.value)


@pytest.mark.parametrize("verify, says", [
    (True, "cannot be reached"), ("/nonexistent/ca.pem", "/nonexistent/ca.pem cannot be used")])
def test_a_proxys_certificate_is_judged_as_the_apis(command, capsys, verify, says):
    opener, arguments = command(
        opening.OpenConsole, "--viewer", "true {file}", "--spice-direct", "web",
        answers=[url("https://127.0.0.1:1/nova?token=T")], verify=verify)
    assert opener.take_action(arguments) != 0
    assert says in capsys.readouterr().err
