"""Restrictions of a console's URL: which type keeps which, whose address is within."""

import pytest

from consoles import exception
from consoles.model import ConsoleType
from consoles.wire import restrictions

LOOKED_AT = {ConsoleType.NOVNC, ConsoleType.XVPVNC, ConsoleType.SERIAL}
ELSEWHERE = {ConsoleType.SPICE_DIRECT, ConsoleType.RDP_HTML5}


def keeps(console_type, **asked):
    try:
        restrictions.check(console_type, asked)
    except exception.BadRequest as exc:
        assert next(iter(asked)) in str(exc)
        return False
    return True


@pytest.mark.parametrize("console_type", ConsoleType)
def test_what_a_type_keeps(console_type):
    assert keeps(console_type, view_only=True) == (console_type in LOOKED_AT)
    assert keeps(console_type, single_use=True) == (console_type not in ELSEWHERE)
    assert keeps(console_type, client_cidr="192.0.2.0/24") == (console_type not in ELSEWHERE)
    assert keeps(console_type, view_only=False, single_use=False, client_cidr=None)


@pytest.mark.parametrize("cidr", ["192.0.2.7", "192.0.2.0/24", "0.0.0.0/0", "2001:db8::/64", "::1",
                                  "::/0", "fe80::/64"])
def test_networks_and_addresses(cidr):
    assert keeps(ConsoleType.NOVNC, client_cidr=cidr)


@pytest.mark.parametrize("cidr", ["192.0.2.7/24", "192.0.2.0/33", "example.org", "192.0.2", "1",
                                  " ", "192.0.2.0/24,198.51.100.0/24", "\u0661.2.3.4"])
def test_what_is_no_network(cidr):
    assert not keeps(ConsoleType.NOVNC, client_cidr=cidr)


@pytest.mark.parametrize("cidr, says", [
    ("::ffff:192.0.2.7", "as IPv4"), ("::ffff:c000:0200/120", "as IPv4"),
    ("::ffff:0:0/96", "as IPv4"), ("fe80::1%eth0", "without a scope"),
    ("fe80::1%1", "without a scope"), ("fe80::%eth0/64", "without a scope")])
def test_what_nobody_comes_from_is_refused_and_told(cidr, says):
    with pytest.raises(exception.BadRequest, match=f"client_cidr: .*{says}"):
        restrictions.check(ConsoleType.NOVNC, {"client_cidr": cidr})


@pytest.mark.parametrize(("cidr", "address", "admitted"), [
    ("192.0.2.0/24", "192.0.2.7", True), ("192.0.2.0/24", "192.0.3.7", False),
    ("192.0.2.7", "192.0.2.7", True), ("192.0.2.7", "192.0.2.8", False),
    ("2001:db8::/64", "2001:db8::7", True), ("2001:db8::/64", "2001:db8:0:1::7", False),
    ("0.0.0.0/0", "2001:db8::7", False), ("::/0", "192.0.2.7", False),
    ("0.0.0.0/0", "", False), ("0.0.0.0/0", "unix:", False), (None, "unix:", True)])
def test_who_is_admitted(cidr, address, admitted):
    assert restrictions.admits({"client_cidr": cidr}, address) is admitted


def test_no_restriction_admits_everybody():
    assert restrictions.admits({}, "")
