"""The PROXY protocol against an independent builder: whole, cut, wrong, and garbage."""

import ipaddress
import socket
import struct

import pytest
from hypothesis import assume
from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from consoles.exception import WireError
from consoles.wire import proxy_protocol

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
LOCAL, PROXY = 0x20, 0x21
KINDS = {(socket.AF_INET, socket.SOCK_STREAM): 0x11, (socket.AF_INET, socket.SOCK_DGRAM): 0x12,
         (socket.AF_INET6, socket.SOCK_STREAM): 0x21, (socket.AF_INET6, socket.SOCK_DGRAM): 0x22}


def line(source, destination, source_port, destination_port):
    """Version 1, as a balancer would print it."""
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {source_port} {destination_port}\r\n".encode()


def block(command, kind, body):
    return SIGNATURE + struct.pack("!BBH", command, kind, len(body)) + body


def binary(source, destination, source_port, destination_port, transport=socket.SOCK_STREAM,
           tlvs=b"", command=PROXY):
    """Version 2, packed by the C library."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    body = (socket.inet_pton(family, source) + socket.inet_pton(family, destination)
            + struct.pack("!HH", source_port, destination_port) + tlvs)
    return block(command, KINDS[family, transport], body)


ports = st.integers(0, 65535)
ends = st.sampled_from([4, 6]).flatmap(lambda v: st.tuples(
    st.ip_addresses(v=v).map(str), st.ip_addresses(v=v).map(str), ports, ports))
tlvs = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=4).map(
    lambda all_: b"".join(struct.pack("!BH", kind, len(v)) + v for kind, v in all_))
headers = st.one_of(
    st.builds(lambda e: line(*e), ends),
    st.builds(lambda e, t: binary(*e, tlvs=t), ends, tlvs),
    st.builds(lambda e: binary(*e, transport=socket.SOCK_DGRAM), ends),
    st.builds(lambda b: block(LOCAL, 0, b), st.binary(max_size=300)),
    st.builds(lambda e: binary(*e, command=LOCAL), ends),
    st.text("0123456789abcdef:. ", max_size=91).map(
        lambda t: b"PROXY UNKNOWN " + t.encode() + b"\r\n"))


def why(data):
    with pytest.raises(WireError) as caught:
        proxy_protocol.parse(data)
    return str(caught.value)


@settings(deadline=None)  # machines that are busy
@given(ends, st.binary(max_size=20))
@example(("255.255.255.255", "255.255.255.255", 65535, 65535), b"")
def test_a_line_names_the_client(ends, rest):
    header = line(*ends)
    assert proxy_protocol.parse(header + rest) == proxy_protocol.Header(
        len(header), str(ipaddress.ip_address(ends[0])), ends[2])


@settings(deadline=None)  # machines that are busy
@given(ends, tlvs, st.binary(max_size=20))
def test_a_block_names_the_client(ends, tlvs, rest):
    header = binary(*ends, tlvs=tlvs)
    assert proxy_protocol.parse(header + rest) == proxy_protocol.Header(
        len(header), str(ipaddress.ip_address(ends[0])), ends[2])


@settings(deadline=None)  # machines that are busy
@given(headers)
def test_every_cut_of_a_header_waits_for_more(header):
    assert {proxy_protocol.parse(header[:size]) for size in range(len(header))} == {None}
    assert proxy_protocol.parse(header).size == len(header)


@settings(deadline=None)  # machines that are busy
@given(headers, st.integers(0, 400), st.integers(0, 255), st.binary(max_size=20))
def test_a_broken_byte_is_refused_or_read_but_crashes_nothing(header, at, byte, rest):
    assume(at < len(header))
    data = header[:at] + bytes([byte]) + header[at + 1:] + rest
    for size in range(len(data) + 1):
        try:
            found = proxy_protocol.parse(data[:size])
        except WireError:
            break
        if found is not None:
            assert found.size <= size
            break


@settings(deadline=None)  # machines that are busy
@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY TCP4 ", b"PROXY ", SIGNATURE]))
def test_garbage_never_crashes(garbage, start):
    try:
        found = proxy_protocol.parse(start + garbage)
    except WireError:
        return
    assert found is None or (found.size <= len(start + garbage) and found.port <= 65535)


@pytest.mark.parametrize("header", [
    b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ::1 ::2 1 2\r\n",
    b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n",
    block(LOCAL, 0, b""), block(LOCAL, 0xff, b"junk"),
    block(PROXY, 0, b""), block(PROXY, 0x31, b"/sock".ljust(216, b"\0")),
    binary("192.0.2.1", "192.0.2.2", 1, 2, transport=socket.SOCK_DGRAM)],
    ids=["unknown", "unknown with addresses", "longest unknown", "local", "local with junk",
         "unspecified", "unix", "udp"])
def test_a_header_without_a_tcp_address(header):
    assert proxy_protocol.parse(header + b"GET /") == proxy_protocol.Header(len(header))


@pytest.mark.parametrize("data", [
    b"G", b"\x16\x03\x01", b"PROXY_", b"PROXY  ", b"PROXY T4", b"PROXY TCP5", b"proxy",
    b"PROXY UNKNOWNs", b"PROXY UNKNOWN\rx", b"\r\n\r\nG", SIGNATURE[:-1] + b"\r"])
def test_what_begins_otherwise_is_known_at_its_first_wrong_byte(data):
    assert proxy_protocol.parse(b"") is None
    begun = next(size for size in range(1, len(data) + 1)
                 if not any(h.startswith(data[:size]) for h in (
                     b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN ", b"PROXY UNKNOWN\r\n",
                     SIGNATURE)))
    assert begun == 1 or proxy_protocol.parse(data[:begun - 1]) is None
    assert why(data[:begun])


@pytest.mark.parametrize("words", [
    "TCP4 192.0.2.1 192.0.2.2 1", "TCP4 192.0.2.1 192.0.2.2 1 2 ", "TCP4 192.0.2.1 192.0.2.2",
    "TCP4 192.0.2.1  192.0.2.2 1 2", "TCP4 192.0.2.1 192.0.2.2 1 65536",
    "TCP4 192.0.2.1 192.0.2.2 -1 2", "TCP4 192.0.2.1 192.0.2.2 01 2",
    "TCP4 192.0.2.1 192.0.2.2 1 2x", "TCP4 192.0.2.01 192.0.2.2 1 2", "TCP4 ::1 ::2 1 2",
    "TCP4 192.0.2.1 192.0.2 1 2", "TCP4 3221225985 192.0.2.2 1 2", "TCP6 192.0.2.1 ::1 1 2",
    "TCP6 ::1%lo ::2 1 2", "TCP6 ::g ::2 1 2", "TCP6 ::1 ::2/64 1 2", "TCP4 a.example ::2 1 2"])
def test_a_line_that_names_nobody(words):
    assert why(f"PROXY {words}\r\n".encode())


@pytest.mark.parametrize("data", [
    b"PROXY TCP4 192.0.2.1\n", b"PROXY TCP4 192.0.2.1\r1", b"PROXY TCP4 \t", b"PROXY TCP4 \0",
    b"PROXY UNKNOWN \xc3"])
def test_a_line_has_no_control_characters(data):
    assert "character" in why(data)


def test_a_line_is_never_longer_than_107_bytes():
    whole = b"PROXY UNKNOWN " + b"f" * 92
    assert proxy_protocol.parse(whole[:105]) is None
    assert "107" in why(whole)
    assert "107" in why(whole + b"\r\n")


@pytest.mark.parametrize("byte", [0x00, 0x11, 0x1f, 0x22, 0x2f, 0x31, 0xff])
def test_another_version_or_command_is_known_at_its_byte(byte):
    assert proxy_protocol.parse(SIGNATURE) is None
    assert "version or command" in why(SIGNATURE + bytes([byte]))


@pytest.mark.parametrize("kind", [0x01, 0x10, 0x13, 0x20, 0x23, 0x30, 0x33, 0x41, 0xff])
def test_another_family_is_refused(kind):
    assert "family" in why(block(PROXY, kind, bytes(300)))


@pytest.mark.parametrize(("kind", "size"), [(0x11, 12), (0x12, 12), (0x21, 36), (0x22, 36),
                                            (0x31, 216), (0x32, 216)])
def test_a_truncated_block_is_known_by_its_length(kind, size):
    assert "addresses" in why(block(PROXY, kind, bytes(size - 1))[:16])
    assert proxy_protocol.parse(block(PROXY, kind, bytes(size))[:16]) is None


def test_a_block_has_a_bound():
    most = block(PROXY, 0x11, bytes(4096))
    assert proxy_protocol.parse(most).size == len(most) == proxy_protocol.MAX_SIZE
    assert "4096" in why(block(PROXY, 0x11, bytes(4097))[:16])
    assert "4096" in why(block(LOCAL, 0, bytes(65535))[:16])
