"""The service behind the tokens: connection details, sessions and the inventory."""
