"""Times as Nova writes them."""

import datetime


def iso(milliseconds: int | None) -> str | None:
    """Epoch milliseconds as 2026-11-21T10:39:54Z."""
    if milliseconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
