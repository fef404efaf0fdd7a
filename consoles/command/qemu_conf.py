"""What libvirt's qemu.conf must say so that guests' servers are where proxies look for them."""

import difflib
import re

from oslo_config import cfg

PATH = "etc/libvirt/qemu.conf"
#: Where libvirt looks for the certificates unless vnc_tls_x509_cert_dir says another place.
CERTIFICATES = "/etc/pki/libvirt-vnc"
NEEDED = ("ca-cert.pem", "server-cert.pem", "server-key.pem")


def wanted(conf: cfg.ConfigOpts) -> dict[str, str]:
    """→ {key: value as it is written} of the types that are on.

    With a certificate of the proxies' own, [vnc] vencrypt_client_cert, nobody else may connect.
    `spice_tls` stays as it is: with it, servers have a second port, and proxies use the first.
    """
    values = {}
    if conf.vnc.enabled:
        values["vnc_listen"] = f'"{conf.vnc.server_listen}"'
        if "vencrypt" in conf.vnc.auth_schemes:
            values["vnc_tls"] = "1"
            values["vnc_tls_x509_verify"] = "1" if conf.vnc.vencrypt_client_cert else "0"
    if conf.spice.enabled:
        values["spice_listen"] = f'"{conf.spice.server_listen}"'
    return values


def edit(text: str, values: dict[str, str]) -> str:
    """The text with these values; lines that have them are changed, comments never."""
    for key, value in values.items():
        line = f"{key} = {value}"
        text, found = re.subn(rf"^[ \t]*{key}[ \t]*=.*$", line, text, flags=re.MULTILINE)
        if not found:
            end = "" if not text or text.endswith("\n") else "\n"
            text += f"{end}{line}\n"
    return text


def difference(before: str, after: str, name: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, "as it is",
                                 "as it must be", n=1, lineterm="")
    return "\n".join(lines).encode("utf-8", "replace").decode()  # of what is no text, `?`


def certificates(text: str) -> str:
    """The directory in which a guest's VNC server would look, as `text` has it."""
    found = re.findall(r'^[ \t]*vnc_tls_x509_cert_dir[ \t]*=[ \t]*"([^"]+)"', text, re.MULTILINE)
    return found[-1] if found else CERTIFICATES
