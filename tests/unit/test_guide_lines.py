"""Every command line of ours in the documents is one that its command takes, with each option."""

import shlex
from types import SimpleNamespace

import pytest
from cliff.commandmanager import CommandManager
from oslo_config import cfg

from consoles.client import connect
from consoles.client import serial
from consoles.command import launch
from consoles.command import manage
from tests.fixtures import guide

#: Ours, and the openstack client's own of the same beginning.
OPENSTACK = ("openstack.console.v1", "openstack.compute.v2")


def simple_commands(line):
    """Those that a shell would start for the line, as words; without what it redirects."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found = [[]]
    words = iter(lexer)
    for word in words:
        if word in ("<", ">"):
            next(words)
        elif set(word) <= set("|&;()"):
            found.append([])
        else:
            found[-1].append(word)
    return [command for command in found if command]


def ours(line):
    """→ the commands of the line that are consoles' own or begin with `openstack console`."""
    found = [[words[0].removeprefix("/opt/consoles/bin/"), *words[1:]]
             for words in simple_commands(line)]
    return [words for words in found
            if words[0].startswith("consoles-") or words[:2] == ["openstack", "console"]]


def understand(words):
    """Hand the words to the command's own parser. SystemExit: it does not take them."""
    program, *words = words
    if program == "openstack":
        commands = CommandManager(OPENSTACK[0])
        commands.add_command_group(OPENSTACK[1])
        command, name, rest = commands.find_command(words)
        command(SimpleNamespace(command_manager=commands), None).get_parser(name).parse_args(rest)
    elif program in ("consoles-connect", "consoles-serial"):
        module = connect if program == "consoles-connect" else serial
        module._parser().parse_args(words)
    else:
        conf = cfg.ConfigOpts()
        launch._register(conf)
        if program == "consoles-manage":
            conf.register_cli_opt(cfg.SubCommandOpt("command", handler=manage._add_commands))
        conf(words, default_config_files=[], default_config_dirs=[])


LINES = sorted({shlex.join(words) for page in guide.PAGES for block in guide.blocks(page)
                if block.language != "ini"
                for line in guide.commands(block.text) for words in ours(line)})


def test_lines_of_all_our_commands_are_found():
    begins = {" ".join(line.split()[:2]) for line in LINES}
    assert {"consoles-manage db", "consoles-manage host", "consoles-connect --port",
            "consoles-serial --takeover", "openstack console"} <= begins


@pytest.mark.parametrize("line", LINES)
def test_our_command_lines_are_understood(line, capsys):
    try:
        understand(shlex.split(line))
    except SystemExit:
        pytest.fail(capsys.readouterr().err)


@pytest.mark.parametrize("line", [
    "openstack console open --nothing web-1", "openstack console url show --nothing web-1",
    "consoles-manage db sink", "consoles-manage host list --nothing",
    "consoles-manage host setup --endpoint", "consoles-connect --port many",
    "consoles-serial --nothing", "consoles-novncproxy --nothing"])
def test_a_wrong_line_is_noticed(line, capsys):
    with pytest.raises(SystemExit):
        understand(shlex.split(line))


def test_a_pipe_ends_a_command_and_a_redirection_is_none_of_its_words():
    assert ours("openstack console url show -f json 'a b' | consoles-connect < x.txt & # all") == [
        ["openstack", "console", "url", "show", "-f", "json", "a b"], ["consoles-connect"]]
