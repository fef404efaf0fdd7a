"""Defaults of OpenStack's middleware that are this API's own."""

from oslo_middleware import cors

from consoles.api import microversion

_VERSIONS = [microversion.HEADER, microversion.OLD_HEADER]


def set_defaults() -> None:
    """What pages of other origins may send and see, once [cors] allowed_origin names them."""
    cors.set_defaults(
        allow_headers=["X-Auth-Token", "X-Openstack-Request-Id", *_VERSIONS],
        expose_headers=["X-Openstack-Request-Id", "Retry-After", *_VERSIONS],
        allow_methods=["GET", "POST", "DELETE"])
