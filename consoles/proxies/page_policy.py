"""What a browser is told about our pages: what they may load, and who may show them in a frame.

Content Security Policy Level 3, https://www.w3.org/TR/CSP3/
"""

import re
from collections.abc import Sequence

from consoles import exception

SELF = "'self'"
NONE = "'none'"

#: A host-source of CSP: scheme, host or `*.` and a domain, port. CSP knows no IPv6 addresses.
_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:([0-9]{1,5}|\*))?")

#: Pictures and pointers of a guest are `data:`, the sound of SPICE is `blob:`; only our own scripts
#: make any of them.
_EVERY_PAGE = ("default-src 'self'", "connect-src 'self' ws: wss:",
               "img-src 'self' data: blob:", "media-src 'self' blob:", "object-src 'none'",
               "base-uri 'none'", "form-action 'none'")

#: For pages that are not ours: noVNC's own vnc_lite.html has its program and its style in line, so
#: that no directory of the operator's works under the strict policy. Their origin stays the only
#: one that scripts come from.
_INLINE = ("script-src 'self' 'unsafe-inline'", "style-src 'self' 'unsafe-inline'")

#: For a page with xterm.js, which writes its colours and sizes into style elements and attributes
#: while it draws. Scripts stay ours alone, and text of the guest never becomes markup.
_STYLED = ("style-src 'self' 'unsafe-inline'",)

#: Of what a page could ask its user for, a console needs the clipboard and the full screen.
_PERMISSIONS = ("clipboard-read=(self), clipboard-write=(self), fullscreen=(self), camera=(), "
                "display-capture=(), geolocation=(), microphone=(), payment=(), usb=()")

#: The old header for the same knows no lists; those are left to the policy.
_FRAME_OPTIONS = {SELF: "SAMEORIGIN", NONE: "DENY"}

#: A year, this host alone: others below its domain are not ours to speak for.
_HSTS = "max-age=31536000"


def frame_ancestors(entries: Sequence[str]) -> tuple[str, ...]:
    """[proxy] frame_ancestors as CSP writes it. Raises ConfigError.

    `self` and `none` may be written with their quotes or without them.
    """
    found = tuple(_ancestor(entry.strip().lower()) for entry in entries)
    if not found or (NONE in found and len(found) > 1):
        raise exception.ConfigError(
            "[proxy] frame_ancestors is a list of origins and `self`, or `none` alone")
    return found


def headers(ancestors: Sequence[str], inline: bool, hsts: bool,
            styled: bool = False) -> dict[str, str]:
    """→ the headers of every answer. `inline`: the pages may have scripts and styles in them;
    `styled`: they may have styles, no scripts."""
    framed = "frame-ancestors " + " ".join(ancestors)
    policy = (*_EVERY_PAGE, *(_INLINE if inline else _STYLED if styled else ()), framed)
    made = {"Content-Security-Policy": "; ".join(policy),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Permissions-Policy": _PERMISSIONS}
    if len(ancestors) == 1 and ancestors[0] in _FRAME_OPTIONS:
        made["X-Frame-Options"] = _FRAME_OPTIONS[ancestors[0]]
    if hsts:
        made["Strict-Transport-Security"] = _HSTS
    return made


def _ancestor(entry: str) -> str:
    word = f"'{entry.strip(chr(39))}'"
    if word in (SELF, NONE):
        return word
    if not _ORIGIN.fullmatch(entry):
        raise exception.ConfigError(
            f"[proxy] frame_ancestors has {entry!r}, which is no origin: write `self`, `none`, or "
            f"scheme, host and port as in https://dashboard.example.org:8443, without a path")
    return entry
