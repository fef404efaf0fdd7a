"""Drivers: what one kind of hypervisor tells about its consoles."""
