"""What the benchmark of creating consoles makes of its times."""

from benchmarks import creation


def test_shares_are_those_of_the_middle_and_the_rest_is_the_apis(capsys):
    times = {"whole": [0.010] * 99 + [0.5], "get_instance": [0.002] * 100,
             "get_console": [0.001] * 100, "add_connection_details": [0.004] * 100}
    rows = {row["figure"]: round(row["value"], 3) for row in creation.figures(8, times, 2.0)}
    assert rows.pop("whole p99") > 400
    assert rows == {"whole p50": 10, "get_instance p50": 2, "get_console p50": 1,
                    "add_connection_details p50": 4, "rest p50": 3}
    said = capsys.readouterr().out
    assert "8 at once: 50 a second, p50 10.0 ms" in said
    assert [line.split()[-1] for line in said.splitlines()[2:]] == ["20%", "10%", "40%", "30%"]
