"""Whose the domains are that Nova did not make: [libvirt] owners_file and project_id."""

import logging
import os
import pathlib
from typing import Any
from typing import NamedTuple

import yaml

from consoles import exception
from consoles.compute.drivers import libvirt_xml
from consoles.compute.drivers.libvirt_xml import Domain

LOG = logging.getLogger(__name__)


class Owner(NamedTuple):
    project_id: str | None
    user_id: str | None = None


class Owners:
    """Reads the file again when it has changed, at most once a `refresh`."""

    def __init__(self, project_id: str | None, path: str | None) -> None:
        self._default = Owner(project_id)
        self._path = path
        self._seen: tuple[int, ...] | None = None
        self._by_key: dict[str, Owner] = {}

    def load(self) -> None:
        """Raises ConfigError."""
        if self._path is not None:
            self._seen = self._state()
            self._by_key = _read(self._path)

    def refresh(self) -> None:
        if self._path is None or self._state() == self._seen:
            return
        try:
            self.load()
        except exception.ConfigError as exc:
            LOG.error("%s; the owners stay as they were", exc)
        else:
            LOG.info("Read %s again: %d owners", self._path, len(self._by_key))

    def of(self, domain: Domain) -> Owner:
        if domain.project_id:
            return Owner(domain.project_id, domain.user_id)
        return self._by_key.get(domain.id) or self._by_key.get(domain.name) or self._default

    def _state(self) -> tuple[int, ...] | None:
        try:
            stat = os.stat(self._path or "")
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _read(path: str) -> dict[str, Owner]:
    try:
        found: Any = yaml.safe_load(pathlib.Path(path).read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise exception.ConfigError(f"[libvirt] owners_file = {path}: {exc}") from None
    if not isinstance(found, dict):
        raise exception.ConfigError(f"[libvirt] owners_file = {path}: it is not a mapping")
    return {str(key): _owner(path, key, value) for key, value in found.items()}


def _owner(path: str, key: Any, value: Any) -> Owner:
    value = value if isinstance(value, dict) else {"project_id": value}
    known = {name: value.get(name) for name in Owner._fields}
    texts = all(item is None or isinstance(item, str) for item in known.values())
    if not texts or set(value) - set(known) or not libvirt_xml.owner(known["project_id"]):
        raise exception.ConfigError(
            f"[libvirt] owners_file = {path}: {key}: a project's id, or a mapping with project_id "
            "and user_id, is wanted; ids of digits only need quotes")
    return Owner(known["project_id"], libvirt_xml.plain(known["user_id"]))
