"""`consoles-<service> --help` as a manual page, made from the options themselves."""

import shutil
import textwrap
from collections.abc import Iterable

from oslo_config import cfg

from consoles import conf as consoles_conf

Options = list[tuple[str, list[cfg.Opt]]]

COMMAND_LINE = {
    "--config-file PATH": "Read this file instead of /etc/consoles/consoles.conf. May be given "
                          "several times; a later one wins.",
    "--config-dir DIR": "Read DIR/*.conf in the order of their names, after the files.",
    "--debug": "Log everything.",
    "--log-file PATH": "Log to this file instead of standard error.",
    "--version": "Print the version and end.",
    "--help": "Print this and end.",
}
FILES = {
    "/etc/consoles/consoles.conf": "The configuration, one file for all services.",
    "/etc/consoles/consoles.conf.d/*.conf": "Read after it, in the order of their names.",
}
SIGNALS = {
    "SIGTERM, SIGINT": "End: take nothing new, let calls under way finish. A proxy tells its "
                       "clients that it restarts (Close 1012).",
}
STATUS = {"0": "It was ended by a signal.", "1": "It cannot start; the reason is printed.",
          "2": "The command line is wrong."}


def page(prog: str, description: str, groups: Iterable[str], audience: str = "",
         libraries: Options | None = None) -> str:
    """The manual of a service that reads these option groups, and those of `libraries`.

    `audience` is the word that helps of shared groups begin with where an option is for one of
    several services ("Agent", "Proxy"); options for another are left out.
    """
    summary, _, rest = description.partition(". ")
    sections = [
        ("NAME", _wrap(f"{prog} - {summary[0].lower()}{summary[1:].rstrip('.')}")),
        ("SYNOPSIS", _wrap(f"{prog} [--config-file PATH]... [--config-dir DIR] [--debug] "
                           f"[--log-file PATH]")),
    ]
    if rest:
        sections.append(("DESCRIPTION", _wrap(rest)))
    sections += [
        ("COMMAND LINE", _terms(COMMAND_LINE)),
        ("CONFIGURATION", _wrap(
            "The options that this service reads, beside those of oslo.log and oslo.messaging "
            "([DEFAULT] transport_url above all). All are in consoles.conf.sample.")),
        *((f"  [{group}]", _options(group, audience)) for group in groups),
        *((f"  [{group}]", _terms({f"{opt.dest} = {_default(opt)}": opt.help or ""
                                   for opt in opts})) for group, opts in libraries or ()),
        ("SIGNALS", _terms(SIGNALS)), ("EXIT STATUS", _terms(STATUS)), ("FILES", _terms(FILES)),
    ]
    return "\n\n".join(f"{title}\n{body}" for title, body in sections)


def _options(group: str, audience: str) -> str:
    """Each option as it stands in a file, with its default, and what it means."""
    module = next(m for m in consoles_conf.GROUPS if (m.GROUP.name if m.GROUP else "DEFAULT")
                  == group)
    terms = {}
    for opt in module.OPTS:
        who, colon, text = opt.help.partition(": ")
        if not colon or who not in ("Agent", "Proxy"):
            who, text = audience, opt.help
        if who == audience or not audience:
            terms[f"{opt.name} = {_default(opt)}"] = text[0].upper() + text[1:]
    return _terms(terms)


def _default(opt: cfg.Opt) -> str:
    value = opt.sample_default if opt.sample_default is not None else opt.default
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _terms(terms: dict[str, str]) -> str:
    return "\n".join(f"    {term}\n{_wrap(text, 8)}" for term, text in terms.items())


def _wrap(text: str, indent: int = 4) -> str:
    width = min(shutil.get_terminal_size().columns, 96)
    lead = " " * indent
    return "\n\n".join(textwrap.fill(" ".join(part.split()), width, initial_indent=lead,
                                     subsequent_indent=lead, break_on_hyphens=False)
                       for part in text.split("\n\n"))
