"""The REST API."""

from consoles import rpc as rpc  # before keystonemiddleware, which imports oslo.messaging too
