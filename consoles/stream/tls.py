"""TLS towards both sides: a context for a process's life; a reload makes another."""

import functools
import ssl
from pathlib import Path

from consoles.exception import ConfigError

VERSIONS = {"tlsv1_2": ssl.TLSVersion.TLSv1_2, "tlsv1_3": ssl.TLSVersion.TLSv1_3}


def server_context(cert: str, key: str | None, minimum: str, ciphers: str | None) -> ssl.SSLContext:
    """Certificate chain and private key are PEM files; without `key` it is in `cert`.

    `minimum` is a key of VERSIONS or anything else for 1.2; a stricter OpenSSL stays so.
    Raises ConfigError.
    """
    for path in filter(None, (cert, key)):
        try:
            Path(path).open("rb").close()
        except OSError as exc:
            raise ConfigError(f"cannot read {path}: {exc.strerror}. Name readable PEM files by "
                              "the options `cert` and `key`, or unset both for no TLS") from exc
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = max(context.minimum_version,
                                  VERSIONS.get(minimum, ssl.TLSVersion.TLSv1_2))
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=lambda: _refuse_password())
    except (ssl.SSLError, ValueError) as exc:
        raise ConfigError(f"{cert} and {key or cert} are no certificate with its key in PEM "
                          f"({exc})") from exc
    try:
        if ciphers:
            context.set_ciphers(ciphers)
    except ssl.SSLError as exc:
        raise ConfigError(f"[console] ssl_ciphers={ciphers} names no cipher that this machine's "
                          "OpenSSL has; see `openssl ciphers`") from exc
    return context


def client_context(ca_certs: str | None, cert: str | None, key: str | None,
                   check_hostname: bool) -> ssl.SSLContext:
    """Towards a console. All are PEM files; without `ca_certs` the machine's CAs count.

    The server's certificate is always checked, its name by `check_hostname`. Raises ConfigError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = check_hostname
    try:
        if ca_certs:
            context.load_verify_locations(ca_certs)
        else:
            context.load_default_certs()
        if cert:
            context.load_cert_chain(cert, key, password=lambda: _refuse_password())
    except (OSError, ValueError) as exc:  # ssl's errors are OSErrors
        files = ", ".join(filter(None, (ca_certs, cert, key)))
        raise ConfigError(f"no CA, or no certificate with its key, in PEM: {files} ({exc}). See "
                          "[vnc] vencrypt_ca_certs, vencrypt_client_cert and "
                          "vencrypt_client_key") from exc
    return context


@functools.cache
def pinned_context() -> ssl.SSLContext:
    """Towards a server whose certificate is known by its hash.

    It checks nothing: who uses it compares the certificate before a word is said.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _refuse_password() -> str:
    """OpenSSL would ask at the terminal, and the service would hang there."""
    raise ValueError("the key is encrypted; give one without a passphrase")
