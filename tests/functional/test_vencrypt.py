"""TLS between proxy and hypervisor (VeNCrypt), against QEMU and against a server of our own."""

import contextlib
import pathlib
import re
import ssl

import pytest

from consoles import exception
from consoles.command import proxy as command
from consoles.proxies import catalog
from tests.fixtures import rfb_viewer
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.vencrypt import NAME
from tests.fixtures.vencrypt import qemu
from tests.fixtures.xvp import VERSION

GUIDE = pathlib.Path(__file__).parents[2] / "doc/source/admin/vencrypt.rst"
#: The guide's table: {(given, schemes): outcome}. Each test below makes the outcome of its rows.
TABLE = {(given, schemes): outcome for given, several, outcome in re.findall(
    r"^   \* - (.+)\n     - (``.+``)\n     - (?!Outcome)(.+)$", GUIDE.read_text(), re.MULTILINE)
    for schemes in re.findall("``([^`]+)``", several)}
MADE = set()


def row(given, *schemes):
    """Parametrise a test with what the guide says that comes of it, for each of the schemes."""
    MADE.update((given, each) for each in schemes)
    return pytest.mark.parametrize(("schemes", "wanted"), [
        (each, TABLE.get((given, each))) for each in schemes], ids=schemes)


@pytest.fixture(scope="module")
def anonymous(tmp_path_factory):
    with qemu(tmp_path_factory.mktemp("anon"), "-object", "tls-creds-anon,id=t,endpoint=server",
              ",tls-creds=t") as port:
        yield port


@pytest.fixture(scope="module")
def without_tls(tmp_path_factory):
    with qemu(tmp_path_factory.mktemp("none"), "") as port:
        yield port


@pytest.fixture
def options(pki):
    cert, key = pki.proxy
    return {"vnc__auth_schemes": ["vencrypt"], "vnc__vencrypt_ca_certs": str(pki.ca_file),
            "vnc__vencrypt_client_cert": str(cert), "vnc__vencrypt_client_key": str(key)}


@pytest.fixture
def dial(make_proxy, consoleauth):
    """→ the client's answer at a console with these options and that `tls_name`, by WebSocket."""
    def open_console(port, options, tls_name=NAME):
        consoleauth.add("good", port, tls_name=tls_name)
        return make_proxy(**options).connect()
    return open_console


def refused(dial, port, options, caplog, tls_name=NAME):
    """→ what the log says; the client is told 502."""
    caplog.set_level("INFO")
    with pytest.raises(ws_client.Refused, match="^502 "):
        dial(port, options, tls_name)
    return next(r.getMessage() for r in caplog.records if "refused:" in r.getMessage())


@pytest.fixture
def outcome(dial, options, fault_proxy, caplog):
    """→ what comes of a console at this port, in the guide's words; a refusal is a 502."""
    def of(port, schemes, *, tls_name=NAME, **changed):
        changed = {f"vnc__{name}": value for name, value in changed.items()}
        line = fault_proxy(port)
        schemes = {"vnc__auth_schemes": schemes.split(",")}
        try:
            ws = dial(line.port, options | schemes | changed, tls_name)
        except ws_client.Refused as exc:
            assert str(exc).startswith("502 ")
            said = next(r.getMessage() for r in caplog.records if "refused:" in r.getMessage())
            return "refused: " + said.partition(" refused: target: ")[2]
        viewer = rfb_viewer.Viewer(ws).connect()
        assert viewer.refresh().size
        assert viewer.security_types == b"\x01"
        return "the guest's screen" + ", not encrypted" * (viewer.name.encode() in line.said)
    caplog.set_level("INFO")
    return of


@row("everything right", "vencrypt", "vencrypt,none", "none,vencrypt")
def test_qemu_with_our_certificates(outcome, with_tls, schemes, wanted):
    assert outcome(with_tls, schemes) == wanted


def test_qemu_and_a_native_viewer(make_xvp, consoleauth, with_tls, options):
    xvp = make_xvp(**options)
    consoleauth.add("good", with_tls, tls_name=NAME)
    stream = xvp.dial()
    assert stream.status == 200
    assert rfb_viewer.Viewer(stream).connect().refresh().size


@row("no client certificate", "vencrypt", "vencrypt,none")
def test_no_certificate_of_ours(outcome, with_tls, schemes, wanted):
    assert outcome(with_tls, schemes, vencrypt_client_cert=None, vencrypt_client_key=None
                   ) == wanted


@row("a client certificate of another CA", "vencrypt", "vencrypt,none")
def test_a_certificate_of_a_ca_that_the_hypervisor_does_not_know(outcome, with_tls, pki, schemes,
                                                                  wanted):
    cert, key = pki.foreign.cert, pki.foreign.key
    assert outcome(with_tls, schemes, vencrypt_client_cert=str(cert),
                   vencrypt_client_key=str(key)) == wanted


@row("the hypervisor's certificate is of another CA", "vencrypt", "vencrypt,none")
def test_a_hypervisor_of_a_ca_that_we_do_not_know(outcome, with_tls, pki, schemes, wanted):
    assert outcome(with_tls, schemes, vencrypt_ca_certs=str(pki.foreign.ca_file)) == wanted


@row("the certificate is for another name", "vencrypt", "vencrypt,none")
def test_a_hypervisor_of_another_name(outcome, with_tls, schemes, wanted):
    assert outcome(with_tls, schemes, tls_name="kvm8.example.org") == wanted


@row("the agent says no name, and the certificate is for no address", "vencrypt")
def test_a_hypervisor_without_a_name(outcome, with_tls, schemes, wanted):
    assert outcome(with_tls, schemes, tls_name=None) == wanted


@row("the certificate is for another name, ``vencrypt_check_hostname = false``", "vencrypt")
def test_a_hypervisor_of_another_name_where_names_do_not_count(outcome, with_tls, schemes, wanted):
    assert outcome(with_tls, schemes, tls_name="kvm8.example.org",
                   vencrypt_check_hostname=False) == wanted


@row("a server without VeNCrypt", "vencrypt")
def test_a_server_without_vencrypt_is_refused_when_none_is_not_listed(outcome, without_tls,
                                                                     schemes, wanted):
    assert outcome(without_tls, schemes) == wanted


@row("a server without VeNCrypt", "vencrypt,none")
def test_a_server_without_vencrypt_in_a_migration(outcome, without_tls, schemes, wanted):
    assert outcome(without_tls, schemes) == wanted


@row("anonymous TLS only (``tls-creds-anon``)", "vencrypt", "vencrypt,none")
def test_anonymous_tls_is_refused(outcome, anonymous, schemes, wanted):
    assert outcome(anonymous, schemes) == wanted


@row("a server that wants VeNCrypt", "none")
def test_a_hypervisor_that_wants_tls_of_a_proxy_that_speaks_none(outcome, with_tls, schemes,
                                                                 wanted):
    assert outcome(with_tls, schemes) == wanted


def test_each_row_of_the_guides_table_is_made():
    assert set(TABLE) == MADE


# -- what QEMU does not do ------------------------------------------------------------------------

def speaks(pki, *, version=b"\0\2", yes=b"\0", subtypes=b"\1\0\0\1\4", ack=b"\1", early=b"",
           then=targets.echo):
    """A VNC server that goes through VeNCrypt as told, then `then`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*pki.hypervisor)

    def script(sock):
        sock.sendall(VERSION)
        targets.read_exactly(sock, 12)
        sock.sendall(b"\1\x13")
        assert targets.read_exactly(sock, 1) == b"\x13"
        sock.sendall(version)
        assert targets.read_exactly(sock, 2) == b"\0\2"
        sock.sendall(yes + subtypes)
        assert targets.read_exactly(sock, 4) == b"\0\0\1\4"
        sock.sendall(ack + early)
        with context.wrap_socket(sock, server_side=True) as inside:
            inside.sendall(b"\0\0\0\0")
            then(inside)
    return targets.Target(script)


WRONG = {
    "version 0.1": ({"version": b"\0\1"}, "VeNCrypt 0.1"),
    "version 1.0": ({"version": b"\1\0"}, "VeNCrypt 1.0"),
    "version refused": ({"yes": b"\xff"}, "refuses VeNCrypt 0.2"),
    "no subtypes": ({"subtypes": b"\0"}, "subtypes []"),
    "255 others": ({"subtypes": b"\xff" + b"\0\0\1\1" * 255}, "subtypes [257"),
    "subtype refused": ({"ack": b"\0"}, "refuses VeNCrypt's subtype"),
    "another answer": ({"ack": b"\2"}, "refuses VeNCrypt's subtype"),
    "bytes before TLS": ({"early": b"\0\0\0\0"}, "TLS"),
}


@pytest.mark.parametrize(("how", "text"), WRONG.values(), ids=WRONG)
def test_a_server_that_speaks_vencrypt_wrongly(dial, pki, options, caplog, how, text):
    with contextlib.closing(speaks(pki, **how)) as target:
        assert text in refused(dial, target.port, options, caplog)


def test_bytes_go_through_tls_in_both_directions(dial, pki, options):
    with contextlib.closing(speaks(pki)) as target:
        ws = dial(target.port, options)
        assert ws.recv_message() == VERSION
        ws.send(VERSION + b"\1")
        assert ws.recv_exactly(6) == b"\1\1\0\0\0\0"
        big = bytes(range(256)) * 4096
        ws.send(big)
        assert ws.recv_exactly(len(big)) == big


@pytest.mark.parametrize("names", [
    {"vencrypt_ca_certs": "/nowhere/ca.pem"}, {"vencrypt_client_cert": __file__},
    {"auth_schemes": []}])
def test_what_cannot_work_is_said_at_the_start(conf, names):
    conf.set_override("auth_schemes", ["vencrypt"], "vnc")
    for name, value in names.items():
        conf.set_override(name, value, "vnc")
    with pytest.raises(exception.ConfigError, match=r"\[vnc\]"):
        command.settings_of(catalog.NOVNC, conf)


@pytest.mark.parametrize(("schemes", "warned"), [
    (["none"], True), (["none", "vencrypt"], False), (["vencrypt"], False)])
def test_certificates_that_are_never_used_are_told(conf, options, caplog, schemes, warned):
    for name, value in options.items():
        conf.set_override(name.partition("__")[2], value, "vnc")
    conf.set_override("auth_schemes", schemes, "vnc")
    command.warn(catalog.NOVNC, conf)
    assert ("vencrypt_client_cert" in caplog.text) == warned
    caplog.clear()
    command.warn(catalog.SERIAL, conf)
    assert "vencrypt" not in caplog.text
