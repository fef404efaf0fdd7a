"""Files that are dropped beside consoles.conf win over it, also where the file is named."""

import pytest
from oslo_config import cfg

from consoles.command import launch


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """`at_home(words)` → [compute] host, with a file that says `file` and a drop-in for all."""
    def read(*words):
        conf = cfg.ConfigOpts()
        launch._register(conf)
        launch._read(conf, words, "consoles-compute")
        return conf.compute.host
    monkeypatch.setenv("HOME", str(tmp_path))
    directory = tmp_path / ".consoles" / "consoles.conf.d"
    directory.mkdir(parents=True)
    (directory / "50-host.conf").write_text("[compute]\nhost = dropped\n")
    read.file = tmp_path / "consoles.conf"
    read.file.write_text("[compute]\nhost = file\n")
    (tmp_path / "other.conf.d").mkdir()
    return read


def test_a_drop_in_wins_over_a_file_that_is_named(at_home):
    assert at_home() == "dropped"
    assert at_home("--config-file", str(at_home.file)) == "dropped"
    assert at_home(f"--config-file={at_home.file}", "--debug") == "dropped"


def test_whoever_names_a_directory_has_it_in_his_own_order(at_home):
    other = at_home.file.parent / "other.conf.d"
    assert at_home("--config-dir", str(other), "--config-file", str(at_home.file)) == "file"
    assert at_home("--config-file", str(at_home.file), "--config-dir", str(other)) == "file"
