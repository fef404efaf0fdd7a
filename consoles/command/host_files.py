"""Files that `consoles-manage host setup` changes, and how they come back exactly as they were.

What was there is recorded before it is changed, in a file that only root reads and, unlike a
directory of the service's own, only root can exchange.
"""

import contextlib
import errno
import json
import os
import pathlib
import tempfile
from collections.abc import Collection
from typing import Any

from consoles import exception

RECORD = "etc/consoles/host-setup.json"
MOST_LINKS = 40  # as Linux follows, path_resolution(7)


class Files:
    """Below `root`; paths are relative to it. Raises ConfigError for what cannot be done.

    `units` are the services that were enabled.
    """

    def __init__(self, root: str, dry_run: bool) -> None:
        self._root = pathlib.Path(root)
        self._base = os.path.realpath(root)
        self._dry_run = dry_run
        text = self.read(RECORD)
        record: dict[str, Any] = json.loads(text) if text else {"files": {}, "units": []}
        self.units: list[str] = record["units"]
        self._files: dict[str, dict[str, str | None]] = record["files"]

    def shown(self, path: str) -> str:
        return str(self._root / path)

    def read(self, path: str) -> str | None:
        """→ None where there is no file. What is no text comes back as it was, too."""
        try:
            return self._inside(path).read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise _failure(exc) from exc

    def original(self, path: str) -> str | None:
        """What was there before any change of ours, as long as that is all that has changed."""
        now, known = self.read(path), self._files.get(path)
        return known["before"] if known and now == known["after"] else now

    def write(self, path: str, text: str) -> bool:
        """→ whether something was to be changed."""
        now = self.read(path)
        if now == text:
            return False
        known = self._files.get(path)
        if known and now not in (known["before"], known["after"]):
            raise exception.ConfigError(
                f"{self.shown(path)} was changed by somebody else since: save it, run "
                "consoles-manage host remove, and begin anew")
        if known and text == known["before"]:
            self.restore([path])
            return True
        self._files[path] = {"before": known["before"] if known else now, "after": text}
        self.save()
        self._put(path, text)
        return True

    def restore(self, chosen: Collection[str] | None = None) -> tuple[list[str], list[str]]:
        """Those, or all, of the files that were changed. → the paths that are as they were, and
        those that somebody else has changed since."""
        restored, left = [], []
        for path in [path for path in self._files if chosen is None or path in chosen]:
            known, now = self._files[path], self.read(path)
            if now not in (known["before"], known["after"]):
                left.append(path)
                continue
            if now != known["before"]:
                self._put(path, known["before"])
            restored.append(path)
            del self._files[path]
        self.save()
        return restored, left

    def save(self) -> None:
        """Keep what is still to be taken back; nothing of it, no record."""
        record = {"files": self._files, "units": self.units}
        self._put(RECORD, json.dumps(record) if self._files or self.units else None, 0o600)

    def _inside(self, path: str) -> pathlib.Path:
        """Where its links lead when the root is /: an image's never lead out of it.

        Raises OSError.
        """
        parts, left, links = [self._base], list(pathlib.PurePath(path).parts), 0
        while left:
            part = left.pop(0)
            if part == "/":
                del parts[1:]
            elif part == "..":
                del parts[max(1, len(parts) - 1):]
            elif (there := pathlib.Path(*parts, part)).is_symlink():
                links += 1
                if links > MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), self.shown(path))
                left[:0] = there.readlink().parts
            else:
                parts.append(part)
        return pathlib.Path(*parts)

    def _put(self, path: str, text: str | None, mode: int = 0o644) -> None:
        """In one step, with the owner and the mode of what was there; None removes it."""
        if self._dry_run:
            return
        try:
            target = self._inside(path)
            if text is None:
                target.unlink(missing_ok=True)
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(text.encode("utf-8", "surrogateescape"))
                    with contextlib.suppress(FileNotFoundError):
                        there = target.stat()
                        mode = there.st_mode & 0o7777
                        os.fchown(stream.fileno(), there.st_uid, there.st_gid)
                    os.fchmod(stream.fileno(), mode)
                os.replace(name, target)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as exc:
            raise _failure(exc) from exc


def _failure(exc: OSError) -> exception.ConfigError:
    return exception.ConfigError(f"{exc.filename}: {exc.strerror}; host setup and remove are "
                                 "root's, on the hypervisor itself")
