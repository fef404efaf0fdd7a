"""How a token gets into the URL that a user opens (noVNC: docs/EMBEDDING.md, `path`)."""

from urllib.parse import parse_qsl
from urllib.parse import quote
from urllib.parse import urlencode
from urllib.parse import urlsplit
from urllib.parse import urlunsplit

from consoles.model import ConsoleType


def join(access_url_base: str, token: str, console_type: str) -> str:
    """Add the token to the public URL of a console's page or proxy; → the URL for the user.

    noVNC's page connects to what its query's `path` says, so there the token goes inside of it;
    the other keys survive. Everywhere else it is one more key, and the query stays as written.
    The answer always has a query and never a fragment, because dashboards append `&title=...`.
    """
    base = urlsplit(access_url_base)
    if console_type == ConsoleType.NOVNC:
        query = _inside_path(base.query, token)
    else:
        query = "&".join(filter(None, (base.query, f"token={quote(token, safe='')}")))
    return urlunsplit((base.scheme, base.netloc, base.path or "/", query, ""))


def token_in(url: str) -> str | None:
    """The token that was put into a URL in either way; None when there is none."""
    query = dict(parse_qsl(urlsplit(url).query))
    inner = dict(parse_qsl(query.get("path", "").partition("?")[2]))
    return query.get("token") or inner.get("token")


def _inside_path(query: str, token: str) -> str:
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    path = pairs.get("path", "")
    mark = "&" if "?" in path else "?"
    return urlencode({**pairs, "path": f"{path}{mark}token={quote(token, safe='')}"})
