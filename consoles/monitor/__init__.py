"""WATCHING: what monitoring asks of a process, on a listener that users never reach."""
