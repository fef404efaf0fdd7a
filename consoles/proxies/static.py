"""The pages that a proxy serves: files below one directory and nothing else.

No listings, no redirects, no dotfiles, no links that lead out; a request is answered in memory,
the files are small.
"""

import mimetypes
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

from consoles.proxies.frontends.request import Request

#: `GET /` shows the first of these that is there.
INDEX = ("vnc_auto.html", "vnc_lite.html", "vnc.html")

#: Not left to the machine's mime.types: browsers refuse modules of another type.
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html; charset=utf-8",
         ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}

#: A page's URL has a token, so nobody keeps it; assets are kept but asked for, so that an
#: upgrade does not leave a browser with halves of two versions.
PAGE_HEADERS = {"Cache-Control": "no-store"}
ASSET_HEADERS = {"Cache-Control": "no-cache"}
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def respond(root: Path | None, request: Request) -> bytes:
    """→ the whole response to a request that is no upgrade."""
    if request.command not in ("GET", "HEAD"):
        return request.answer(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"})
    path = find(root, request.path.partition("?")[0]) if root else None
    if path is None:
        return request.answer(HTTPStatus.NOT_FOUND, {})
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    page = path.suffix == ".html"
    return request.answer(HTTPStatus.OK, {
        "Content-Type": kind or "application/octet-stream", **HEADERS,
        **(PAGE_HEADERS if page else ASSET_HEADERS)}, path.read_bytes())


def find(root: Path, url_path: str) -> Path | None:
    """→ the file that a URL's path names below `root`, None for everything else."""
    name = unquote(url_path)
    if name == "/":
        return next((path for index in INDEX if (path := root / index).is_file()), None)
    parts = name.split("/")
    if parts[0] or "\0" in name or "\\" in name or any(p == "" or p[0] == "." for p in parts[1:]):
        return None
    try:
        path = root.joinpath(*parts[1:]).resolve(strict=True)
    except OSError:
        return None
    return path if path.is_file() and path.is_relative_to(root.resolve()) else None
