"""The guide's commands for certificates, typed as they stand there, open a console of QEMU's."""

import configparser
import grp
import os
import re
import subprocess

import pytest

from consoles.proxies import catalog
from tests.fixtures import rfb_viewer
from tests.fixtures.guide import GUIDE
from tests.fixtures.vencrypt import NAME
from tests.fixtures.vencrypt import qemu
from tests.functional.test_guide import blocks

PAGE = GUIDE / "admin/vencrypt.rst"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The directories that stand for the guide's, filled by its commands."""
    root = tmp_path_factory.mktemp("guide")
    own = grp.getgrgid(os.getgid()).gr_name
    typed = "\n".join(blocks(PAGE, "console"))
    assert NAME in typed
    typed = re.sub("^# systemctl .*", "", typed, flags=re.M)    # nothing runs here
    typed = re.sub("-g [a-z]+", f"-g {own}", typed)
    typed = re.sub("^# ", "", typed, flags=re.M).replace("/etc/pki", str(root))
    (root / "authority").mkdir()
    done = subprocess.run(["bash", "-ec", typed], cwd=root / "authority", capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root


def options(places):
    """What the guide has the proxy's file say, as `make_proxy` takes it."""
    written = configparser.ConfigParser(strict=False)
    written.read_string(blocks(PAGE, "ini")[0].replace("/etc/pki", str(places)))
    return {f"vnc__{name}": value for name, value in written["vnc"].items()
            if name.startswith("vencrypt_c")} | {"vnc__auth_schemes": ["vencrypt"]}


def test_the_certificates_of_the_guide_open_a_console(places, make_proxy, consoleauth):
    directory = places / "libvirt-vnc"
    assert {path.name for path in directory.iterdir()} == {
        "ca-cert.pem", "server-cert.pem", "server-key.pem"}
    with qemu(places, "-object",
              f"tls-creds-x509,id=t,dir={directory},endpoint=server,verify-peer=yes",
              ",tls-creds=t") as port:
        consoleauth.add("good", port, tls_name=NAME)
        ws = make_proxy(spec=catalog.NOVNC, **options(places)).connect()
        assert rfb_viewer.Viewer(ws).connect().refresh().size


@pytest.mark.parametrize(("where", "name", "purpose"), [
    ("libvirt-vnc", "server", "sslserver"), ("consoles", "client", "sslclient")])
def test_strict_verifiers_take_them_for_their_purpose(places, where, name, purpose):
    files = places / where
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile",
         files / "ca-cert.pem", files / f"{name}-cert.pem"],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (files / f"{name}-key.pem").stat().st_mode & 0o7777 == 0o640
