"""[inventory]: how agents report their instances, and when a host counts as down."""

from oslo_config import cfg

GROUP = cfg.OptGroup("inventory", title="Inventory",
                     help="Options shared by compute agents and consoles-consoleauth.")

OPTS = [
    cfg.IntOpt(
        "report_interval", default=30, min=1,
        help="""Seconds between two reports of an agent when nothing changes.

A change is reported at once. A report that does not come within service_down_time takes the host
for down: make that one longer, too."""),
    cfg.IntOpt(
        "service_down_time", default=90, min=2,
        help="""Seconds without a report after which a host counts as down.

Its instances may then be taken over by a host that reports them. Should be three times
report_interval."""),
]
