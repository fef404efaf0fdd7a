"""How a token is compared: never byte by byte, so that time tells a guesser nothing."""

import pytest
import sqlalchemy as sa

from consoles import exception
from consoles import model
from consoles.rpc.consoleauth import ConsoleAuth

TOKEN = "the secret itself"


@pytest.fixture
def statements(plant):
    """The SQL of a look-up with its parameters, while the test runs."""
    seen = []

    def note(connection, cursor, statement, parameters, context, executemany):
        seen.append((statement, tuple(parameters)))

    sa.event.listen(plant.database.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(plant.database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("with_session", [False, True], ids=["asked", "claimed"])
def test_a_token_is_found_by_the_index_over_its_hash(plant, statements, with_session):
    plant.add(TOKEN)
    del statements[:]
    assert plant.get(TOKEN, plant.session() if with_session else None)
    looked_up = [(statement, parameters) for statement, parameters in statements
                 if "token_hash = ?" in statement]
    assert looked_up
    for statement, parameters in looked_up:
        assert model.token_hash(TOKEN) in parameters
        with plant.database.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [row[-1] for row in plan]
        assert any("SEARCH" in step and "token_hash=?" in step for step in steps), steps
    assert not [parameters for _, parameters in statements if TOKEN in parameters]


@pytest.mark.parametrize("spoil", [
    lambda right: right[:-1] + ("0" if right[-1] != "0" else "1"),
    lambda right: ("0" if right[0] != "0" else "1") + right[1:],
], ids=["last", "first"])
def test_all_but_one_digit_of_a_hash_is_as_unknown_as_any(plant, spoil):
    plant.add(TOKEN)
    right = model.token_hash(TOKEN)
    assert by_hash(plant, right)
    assert by_hash(plant, spoil(right)) is None


@pytest.mark.parametrize("spoil", [str.upper, lambda right: right[:63], lambda right: right + "%"],
                         ids=["upper", "short", "pattern"])
def test_what_is_no_hash_is_not_looked_up(plant, spoil):
    plant.add("a")  # its hash has letters
    with pytest.raises(exception.BadRequest):
        by_hash(plant, spoil(model.token_hash("a")))


def by_hash(plant, token_hash):
    """What a peer gets that sends a hash, as the client classes do, of its own making."""
    return plant.bus.call(ConsoleAuth.interface, None, plant.context, "get_connection_details",
                          {"token": token_hash}, 5)
