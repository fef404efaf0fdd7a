"""Which options say the public URL of each console type's proxy."""

from consoles.model import ConsoleType

#: The type's option group, whose `enabled` switches it, and the option with its URL.
BASE_URLS = {
    ConsoleType.NOVNC: ("vnc", "novncproxy_base_url"),
    ConsoleType.XVPVNC: ("vnc", "xvpvncproxy_base_url"),
    ConsoleType.SPICE_HTML5: ("spice", "html5proxy_base_url"),
    ConsoleType.SPICE_DIRECT: ("spice", "spice_direct_proxy_base_url"),
    ConsoleType.SERIAL: ("serial_console", "base_url"),
    ConsoleType.WEBMKS: ("mks", "mksproxy_base_url"),
    ConsoleType.RDP_HTML5: ("rdp", "html5_proxy_base_url"),
}
