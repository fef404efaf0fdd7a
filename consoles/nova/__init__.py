"""NOVA: its API, asked with the login in [nova]; by consoleauth and by the agent's driver."""
