"""Options in the files that nobody reads: oslo.config takes any name without a word."""

import glob
import logging
import os
from collections.abc import Iterator

from oslo_config import cfg
from oslo_log import _options as log_options

from consoles import conf as consoles_conf
from consoles.rpc import transport

LOG = logging.getLogger(__name__)


def warn(conf: cfg.ConfigOpts) -> None:
    """Log what is in the files of `conf` under groups of ours, and is no option."""
    known = _known()
    for path in _files(conf):
        sections: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(path, sections).parse()
        for group in sections.keys() & known.keys():
            for name in sections[group]:
                if name.replace("-", "_") not in known[group]:
                    LOG.warning("%s: [%s] %s is not an option and does nothing; is it spelled "
                                "correctly?", path, group, name)


def _files(conf: cfg.ConfigOpts) -> Iterator[str]:
    yield from conf.config_file or ()
    for directory in conf.config_dir or ():
        if os.path.isdir(directory):
            yield from sorted(glob.glob(os.path.join(directory, "*.conf")))


def _known() -> dict[str, set[str]]:
    """{group of ours: names that mean something there, old ones and those of libraries}."""
    known: dict[str, set[str]] = {
        str(module.GROUP or "DEFAULT"): set() for module in consoles_conf.GROUPS}
    for group, options in (*consoles_conf.list_opts(), *log_options.list_opts(),
                           *transport.messaging_opts.list_opts()):  # type: ignore[attr-defined]
        here = str(group or "DEFAULT")
        for option in options:
            known.setdefault(here, set()).add(option.dest)
            for old in option.deprecated_opts:
                known.setdefault(old.group or here, set()).add(
                    (old.name or option.name).replace("-", "_"))
    return known
