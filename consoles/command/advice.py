"""What to do about a console that cannot be opened, by what was seen to fail."""

import socket
import ssl
from typing import NamedTuple

from consoles import exception
from consoles.command import handshake


class Verdict(NamedTuple):
    """The stage whose fault it is, what happened, and what an operator does about it."""

    stage: str
    text: str
    advice: str


#: By `exception.ConsolesError.reason`, of RPC calls and of a proxy's refusal. {option} is the one
#: with the proxy's URL, {place} where the agent says that the console is.
REASONS = {
    "bus_unavailable": (None, "Check [DEFAULT] transport_url {here} and RabbitMQ."),
    "consoleauth_unavailable": (None, "Check that consoles-consoleauth runs, and that the "
                                      "transport_url {here} is its own."),
    "agent_unavailable": (None, "Start consoles-compute on {host}, or look into its log: it does "
                                "not answer on the bus, or libvirt does not answer it."),
    "nova_unavailable": (None, "Check [nova] of who asks it, the agent on {host} or consoleauth: "
                               "its log says what Nova answers."),
    "not_supported": ("agent", "The hypervisor of {host} has no such consoles: choose another "
                               "--type."),
    "no_port": ("agent", "All ports for lines of {host} are taken: give [serial_console] "
                         "port_range of its agent more."),
    "instance_not_found": ("server", "It is gone, or its host does not report it (any more): see "
                                     "consoles-manage instance list."),
    "instance_moving": ("server", "It migrates: try again in a moment."),
    "port_changed": ("agent", "It was restarted or has moved in this moment: try again."),
    "instance_not_ready": ("agent", "It does not run: start it."),
    "console_type_unavailable": ("agent", "Choose another --type or --line, set `enabled` for it "
                                          "on {host}, or give the server that device."),
    "token_invalid": ("access", "The proxy asks another consoleauth or database than this command "
                                "(transport_url there), or something before it cuts the query off "
                                "the URL."),
    "origin_refused": ("access", "Something before the proxy changes the header Host, or the "
                                 "scheme in {option} is not the one that browsers use: keep Host, "
                                 "or name this host in [console] allowed_origins of the proxy."),
    "wrong_type": ("access", "{option} leads to another kind of proxy than {command}."),
    "forbidden": ("access", "The proxy does not allow it: see its log."),
    "target_not_allowed": ("target", "{place} is not in [proxy] allowed_targets of the proxy, or "
                                     "is a port of a service of ours."),
    "target_unreachable": ("target", "From the proxy nothing listens at {place}: check {address} "
                                     "of the agent on {host}, where the guest listens, and a "
                                     "firewall between the two."),
    "target_timeout": ("target", "From the proxy {place} stays silent: a firewall that drops, a "
                                 "guest that hangs, or another client that holds the console."),
    "target_protocol": ("target", "What listens at {place} does not speak as it should, or not "
                                  "with the [vnc] auth_schemes and certificates of the proxy: see "
                                  "its log."),
    "target_error": ("target", "The proxy has no good answer from {place}: see its log. Check "
                               "{address} of the agent on {host}, firewalls, [vnc] auth_schemes."),
    "conflict": ("target", "The console is in use (consoles-manage session list), or the server "
                           "does not run."),
    "over_limit": ("access", "A limit of the proxy or of consoleauth is reached: see [proxy] "
                             "max_sessions and max_handshakes_per_address."),
    "service_unavailable": ("access", "The proxy cannot ask consoleauth or the agent: check "
                                      "transport_url of the proxy."),
    "recording_unavailable": ("access", "Check the directory in [DEFAULT] record of the proxy, and "
                                        "whether there is room: its log says more."),
    "draining": ("proxy", "It is being stopped or started again: try again in a moment."),
    "handshake_timeout": ("access", "The request did not get to the proxy whole in time: look at "
                                    "what stands before it."),
}
#: By what connecting to the proxy raises; the first that fits.
NETWORK: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "The name in {option} of {host} does not resolve here: correct it, or "
                      "[compute] public_endpoint."),
    (ssl.SSLCertVerificationError, "The certificate is not for this name or its authority is not "
                                   "known here (--ca-file): see [DEFAULT] cert of the proxy."),
    (ssl.SSLError, "What listens there speaks no TLS: set [DEFAULT] cert of the proxy, or http "
                   "(serial: ws) in {option} of {host}."),
    (ConnectionRefusedError, "Nothing listens there: start {command}, or correct the port in "
                             "{option} of {host}."),
    (TimeoutError, "No answer: a firewall, or a wrong address in {option} or [compute] "
                   "public_endpoint of {host}."),
    (ConnectionError, "What listens there ends the connection: is it {command}? With https "
                      "(serial: wss) in {option} of {host} the proxy needs [DEFAULT] cert."),
    (OSError, "Check {option} and [compute] public_endpoint of {host}, and the way there."),
)

_ERRORS = [cls for cls in vars(exception).values()
           if isinstance(cls, type) and issubclass(cls, exception.ConsolesError)]
#: Those that only inherit a sentence are not told apart from whom they have it.
_BY_SENTENCE = {cls.public: cls for cls in reversed(_ERRORS)}
_FAMILIES = [cls for cls in _ERRORS if exception.ConsolesError in cls.__bases__]


def judge(stage: str, exc: Exception, known: dict[str, str]) -> Verdict:
    """What `exc`, raised at `stage`, means; `known` fills the braces of the tables."""
    match exc:
        case handshake.Refusal():
            return _refused(stage, exc, known)
        case handshake.NoProxy():
            return Verdict("proxy", str(exc), "Another program is at {option} of {host}: correct "
                           "its host and port, or what stands before the proxy.".format(**known))
        case exception.WireError():
            return Verdict(stage, str(exc), _filled("target_protocol", known)[1])
        case exception.ConsolesError():
            full = stage == "agent" and isinstance(exc, exception.OverLimit)
            fault, advice = _filled("no_port" if full else exc.reason, known | {"here": "here"})
            return Verdict(fault or stage, str(exc), advice)
    text = "no answer in time" if isinstance(exc, TimeoutError) else str(
        getattr(exc, "strerror", None) or exc or type(exc).__name__)
    if stage == "greeting":
        return Verdict(stage, text, _filled("target_timeout", known)[1])
    advice = next(advice for cls, advice in NETWORK if isinstance(exc, cls))
    return Verdict(stage, text, advice.format(**known))


def _refused(stage: str, exc: handshake.Refusal, known: dict[str, str]) -> Verdict:
    if stage == "page":
        return Verdict(stage, f"HTTP {exc.code}", (
            "There is no page: correct the path in {option} of {host}, or the proxy's directory "
            "of pages. A proxy with [DEFAULT] ssl_only wants https there.").format(**known))
    http = exc.code < 1000
    error = _BY_SENTENCE.get(exc.text) or _family(exc.code, http)
    if error is None:
        return Verdict(stage, f"code {exc.code} {exc.text}".strip(), "See the log of the proxy.")
    fault, advice = _filled(error.reason, known | {"here": "of the proxy"})
    text = f"{exc.text or error.public} ({'HTTP' if http else 'code'} {exc.code})"
    return Verdict(fault or "access", text, advice)


def _family(code: int, http: bool) -> type[exception.ConsolesError] | None:
    """A WebSocket that is refused with HTTP 403 is refused for its Origin."""
    if http and code == exception.OriginRefused.http_status:
        return exception.OriginRefused
    return next((cls for cls in _FAMILIES if code == (cls.http_status if http else cls.close_code)
                 ), None)


def _filled(reason: str, known: dict[str, str]) -> tuple[str | None, str]:
    stage, advice = REASONS.get(reason, (None, "See the logs of the services."))
    return stage, advice.format(**known)
