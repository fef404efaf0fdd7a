"""Who is not let in is counted each time, and told once a minute and reason."""

import pytest

from consoles.proxies.door import Door
from consoles.proxies.door import REASONS


@pytest.mark.parametrize("reason", REASONS)
def test_each_is_counted_and_one_a_minute_is_told(reason, caplog):
    now = [1000.0]
    counted = []
    door = Door(counted.append, lambda: now[0])
    for _ in range(50):
        door.refuse(reason, "192.0.2.1")
    assert counted == [reason] * 50
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "192.0.2.1" in record.getMessage()
    now[0] += 59.9
    door.refuse(reason, "192.0.2.2")
    assert len(caplog.records) == 1
    now[0] += 0.1
    door.refuse(reason, "192.0.2.3")
    assert "192.0.2.3" in caplog.records[1].getMessage()
    assert "51 of them" in caplog.records[1].getMessage()


def test_a_reason_does_not_silence_another(caplog):
    door = Door(lambda reason: None)
    for _ in range(2):
        for reason in REASONS:
            door.refuse(reason, "192.0.2.1")
    assert len(caplog.records) == len(REASONS)
