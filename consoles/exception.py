"""Every error of ours, by whose fault, and the one table of refusals.

Classes take one positional text, for the log; oslo.messaging rebuilds them from it, and with the
class's own `retry_after` (seconds). What a client hears is the class's `public` sentence, its
HTTP status (a client without an Origin header) or its Close code (a browser).
"""


class ConsolesError(Exception):
    """Our own fault, and the family's root: what nothing below describes better."""

    http_status, close_code, reason = 500, 1011, "internal_error"
    public = "The console service failed."
    retry_after: int | None = None

    def __init__(self, text: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(text or self.public)
        if retry_after is not None:
            self.retry_after = retry_after


class WireError(ConsolesError):
    """A peer spoke wrongly. Raised by `wire`; who drives it says which peer's fault that is."""


class TooLong(WireError):
    """What should have ended by now goes on."""


# -- the client's fault ------------------------------------------------------------------------

class BadRequest(ConsolesError):
    http_status, close_code, reason = 400, 4400, "bad_request"
    public = "The request is not valid."


class InvalidToken(ConsolesError):
    """Missing, unknown or expired: never said which, or guessing would learn from it."""

    http_status, close_code, reason = 401, 4401, "token_invalid"
    public = "The token is missing, unknown, expired or used. Ask for a new console URL."


class TokenUsed(ConsolesError):
    """Only who holds the token hears this, so that nobody learns from it by guessing."""

    http_status, close_code, reason = 401, 4401, "token_used"
    public = "This URL was used already. Ask for a new console URL."


class Forbidden(ConsolesError):
    http_status, close_code, reason = 403, 4403, "forbidden"
    public = "This is not allowed."


class WrongConsoleType(Forbidden):
    reason = "wrong_type"
    public = "This URL belongs to another type of console."


class AddressNotAllowed(Forbidden):
    reason = "address_not_allowed"
    public = "This URL may not be used from your address."


class TargetNotAllowed(Forbidden):
    reason = "target_not_allowed"
    public = "This console may not be reached from here."


class OriginRefused(Forbidden):
    """Answered with HTTP 403 before any 101, whoever asks."""

    reason = "origin_refused"
    public = "This page may not open the console."


class InstanceNotFound(ConsolesError):
    http_status, close_code, reason = 404, 4404, "instance_not_found"
    public = "The server does not exist any more."


class NoConsoleLog(ConsolesError):
    http_status, close_code, reason = 404, 4404, "no_console_log"
    public = "Guest does not have a console available."


class HandshakeTimeout(ConsolesError):
    http_status, close_code, reason = 408, 4408, "handshake_timeout"
    public = "The connection was not set up in time."


class Conflict(ConsolesError):
    http_status, close_code, reason = 409, 4409, "conflict"
    public = "The console cannot be opened in the server's present state."


class PortChanged(Conflict):
    reason = "port_changed"
    public = "The console has moved. Ask for a new console URL."


class InstanceNotReady(Conflict):
    reason = "instance_not_ready"
    public = "The server is not ready."


class InstanceMoving(Conflict):
    reason = "instance_moving"
    public = "The server is moving to another host. Try again in a moment."


class InUse(Conflict):
    """An exclusive console has its one client. The text is the client's too: it names nobody."""

    reason = "in_use"
    public = "The console is in use."

    def __init__(self, text: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(text, retry_after=retry_after)
        self.public = str(self)


class OverLimit(ConsolesError):
    http_status, close_code, reason = 429, 4429, "over_limit"
    public = "Too many consoles or attempts. Try again later."
    retry_after = 5


class ConsoleTypeUnavailable(BadRequest):
    """The type is known, but switched off on that host or not a device of that guest."""

    reason = "console_type_unavailable"
    public = "This type of console is not available for the server."


class NotSupported(ConsolesError):
    """The hypervisor has no such thing at all; clients then ask for the next thing."""

    http_status, close_code, reason = 501, 4400, "not_supported"
    public = "The requested functionality is not supported."


# -- the target's fault --------------------------------------------------------------------------

class TargetError(ConsolesError):
    http_status, close_code, reason = 502, 4502, "target_error"
    public = "The server's console did not answer as it should."


class TargetUnreachable(TargetError):
    """Nobody listens there, or the network says no."""

    reason = "target_unreachable"
    public = "The server's console cannot be reached."


class TargetProtocolError(TargetError):
    """The target spoke, but not what this kind of console speaks."""

    reason = "target_protocol"


class TargetTimeout(TargetError):
    http_status, reason = 504, "target_timeout"
    public = "The server's console did not answer in time."


# -- a service of ours is missing ---------------------------------------------------------------

class ServiceUnavailable(ConsolesError):
    http_status, close_code, reason = 503, 4503, "service_unavailable"
    public = "A part of the console service is not available. Try again in a moment."
    retry_after = 2


class BusUnavailable(ServiceUnavailable):
    reason = "bus_unavailable"
    public = "The message bus is not available. Try again in a moment."


class ConsoleauthUnavailable(ServiceUnavailable):
    reason = "consoleauth_unavailable"
    public = "The console authorisation service is not available. Try again in a moment."


class AgentUnavailable(ServiceUnavailable):
    reason = "agent_unavailable"
    public = "The compute agent of this server is not available. Try again in a moment."


class ProxyUnavailable(ServiceUnavailable):
    reason = "proxy_unavailable"
    public = "The console proxy is not available. Try again in a moment."


class IdentityUnavailable(ServiceUnavailable):
    """Nobody could be asked whether the user's token is good."""

    reason = "identity_unavailable"
    public = "The identity service is not available. Try again in a moment."


class NovaUnavailable(ServiceUnavailable):
    reason = "nova_unavailable"
    public = "The compute service is not available. Try again in a moment."


class Draining(ServiceUnavailable):
    close_code, reason = 1012, "draining"
    public = "The console service restarts. Try again in a moment."


class RecordingUnavailable(ServiceUnavailable):
    """It cannot be recorded, and may not be opened without."""

    reason = "recording_unavailable"
    public = "The console cannot be recorded and is not opened. Try again in a moment."


# -- the operator's fault ------------------------------------------------------------------------

class ConfigError(ConsolesError):
    """A service cannot start as configured; the text says what to do, the command prints it."""

    reason = "configuration"
    public = "The service is not configured rightly."


#: Why a session that was carried came to its end: the Close code by the reason.
CLOSE_CODES = {
    "target_closed": 1000, "client_closed": 1000,
    "client_gone": 1006, "client_timeout": 1006,
    "client_protocol": 1002,
    "client_data": 1003,
    "client_flood": 1008,
    "client_too_big": 1009,
    "client_stalled": 4408,
    "target_gone": 4502,
    "filter_failed": 1011, "recording_failed": 1011,
    "restart": 1012,
    "instance_deleted": 4404,
    "instance_stopped": 4409,
    "taken_over": 4440,
    "ended_by_admin": 4441,
    "idle": 4442,
    "session_expired": 4443,
    "instance_migrated": 4444,
    "lost": 1006,
}
