"""The pages that a proxy serves: files below one directory and nothing else.

No listings, no redirects, no dotfiles, no links that lead out; a request is answered in memory,
the files are small.
"""

import dataclasses
import hashlib
import mimetypes
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

from consoles.proxies import page_policy
from consoles.proxies.frontends.request import Request

#: Not left to the machine's mime.types: browsers refuse modules of another type.
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html; charset=utf-8",
         ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}

METHODS = ("GET", "HEAD")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """A directory and how browsers are to treat what is in it.

    `index`: `GET /` shows the first of these that is there. `frame_ancestors` as
    `page_policy.frame_ancestors` returns it; `inline`: pages that are not ours may have scripts
    in them; `hsts`: the proxy speaks TLS only; `styled`: ours write styles while they run.
    """

    root: Path
    index: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = (page_policy.SELF,)
    inline: bool = False
    hsts: bool = False
    styled: bool = False


def respond(site: Site | None, request: Request) -> bytes:
    """→ the whole response to a request that is no upgrade."""
    headers = (page_policy.headers(site.frame_ancestors, site.inline, site.hsts, site.styled)
               if site else {})
    if request.command not in METHODS:
        return request.answer(HTTPStatus.METHOD_NOT_ALLOWED,
                              {**headers, "Allow": ", ".join(METHODS)})
    found = read(site, request.path.partition("?")[0]) if site else None
    if found is None:
        return request.answer(HTTPStatus.NOT_FOUND, {**headers, "Cache-Control": "no-store"})
    path, body = found
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    headers["Content-Type"] = kind or "application/octet-stream"
    if path.suffix == ".html":
        # Its URL has a token, so nobody keeps it.
        return request.answer(HTTPStatus.OK, {**headers, "Cache-Control": "no-store"}, body)
    # Kept but asked for, so that an upgrade does not leave a browser with halves of two versions.
    # The tag is of the content: proxies behind one balancer have files of different times.
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    status = HTTPStatus.NOT_MODIFIED if _has(request, tag) else HTTPStatus.OK
    return request.answer(status, {**headers, "Cache-Control": "no-cache", "ETag": tag}, body)


def read(site: Site, url_path: str) -> tuple[Path, bytes] | None:
    """→ the file that a URL's path names and what is in it, None for everything else."""
    name = unquote(url_path)
    names = site.index if name == "/" else (name[1:],)
    for name in names if url_path.startswith("/") else ():
        path = find(site.root, name)
        if path is not None:
            try:
                return path, path.read_bytes()
            except OSError:  # unreadable, or gone by now: no difference to the client
                return None
    return None


def find(root: Path, name: str) -> Path | None:
    """→ the file with this name below `root`, links followed; None if it is none of ours."""
    if "\0" in name or "\\" in name or any(part[:1] in ("", ".") for part in name.split("/")):
        return None
    root = root.resolve()
    try:
        path = (root / name).resolve(strict=True)
        inside = path.relative_to(root).parts
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle, until 3.13
        return None
    return path if path.is_file() and not any(p[0] == "." for p in inside) else None


def _has(request: Request, tag: str) -> bool:
    """Whether the browser has it already (RFC 9110, section 13.1.2)."""
    known = ",".join(request.headers.get_all("If-None-Match", []))
    return any(entry.strip().removeprefix("W/") in (tag, "*") for entry in known.split(","))
