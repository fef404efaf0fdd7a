"""Consoles of virtual machines, in a browser or a native viewer, for the users of a cloud."""
