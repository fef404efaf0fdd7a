"""[libvirt]: the agent's driver for KVM and QEMU."""

from oslo_config import cfg

GROUP = cfg.OptGroup("libvirt", title="libvirt", help="""
Options of consoles-compute with [compute] driver = libvirt.""")

OPTS = [
    cfg.StrOpt(
        "connection_uri", default="qemu:///system",
        help="""URI of the libvirt daemon of this host.

The agent needs a connection that may write, since console streams are opened by it. It waits for a
daemon that is not there, and comes back to one that was restarted."""),
    cfg.StrOpt(
        "project_id", regex=r"^[^*]",
        help="""Project that owns the domains of which nothing else says whose they are.

That is said by Nova's element in a domain's metadata, else by owners_file. Unset: such a domain is
the administrators'."""),
    cfg.StrOpt(
        "owners_file",
        help="""Path of a YAML file with the owners of domains that Nova did not make.

A mapping of the domain's UUID or name to a project's id, or to {project_id: ..., user_id: ...}. It
is read again when it changes; one that is broken ends the start, and later is logged while the last
good one goes on to count."""),
]
