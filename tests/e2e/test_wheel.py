"""What is given away: the wheel and the sdist, built as packagers do, and used without Node."""

import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib import metadata
from types import SimpleNamespace

import oslo_config
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.e2e.test_console import open_console
from tests.fixtures.processes import free_port
from tests.fixtures.processes import Process

ROOT = pathlib.Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(
    "build", "dist", "node_modules", ".git", ".*_cache", ".hypothesis", "*.egg-info",
    "__pycache__", "tests", "benchmarks")
EXTRAS = {"libvirt", "mysql", "nova", "osc", "postgresql", "systemd"}
LICENCES = {"novnc/LICENSE.txt", "novnc/LICENSE.MPL-2.0", "spice/COPYING",
            "spice/COPYING.LESSER", "xterm/LICENSE"}


def run(*command, cwd=None, timeout=150, **env):
    """→ what is printed; fails with it."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env={**os.environ, **env},
                          capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(tree, *words):
    run(sys.executable, "-m", "build", "--no-isolation", *words, cwd=tree)
    wheel, = tree.glob("dist/*.whl")
    return wheel


def make_history(tree):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    run(*git, "init", "-q", cwd=tree)
    run(*git, "add", "-A", cwd=tree)
    for message in ("all", "more"):  # the first commit's version would be 0.0.0
        run(*git, "commit", "-q", "--allow-empty", "-m", message, cwd=tree)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The checkout without its history, with what `make package` makes before it packs."""
    tree = tmp_path_factory.mktemp("package") / "consoles"
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    run(tree / "tools/samples", PYTHON=sys.executable)
    return tree


@pytest.fixture(scope="module")
def built(tree):
    """→ the sdist, and the wheel that was made of it, of a tree with a history and no tag."""
    copy = tree.with_name("with-history")
    shutil.copytree(tree, copy, ignore=shutil.ignore_patterns("build"))
    make_history(copy)
    wheel = build(copy)
    sdist, = copy.glob("dist/*.tar.gz")
    return SimpleNamespace(wheel=wheel, sdist=sdist)


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """→ the commands of an environment with the wheel alone, over what the tests run with."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, symlinks=True)
    run(sys.executable, "-m", "pip", "--python", home / "bin/python", "install", "--no-index",
        "--no-deps", built.wheel)
    site, = home.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(str(pathlib.Path(oslo_config.__file__).parents[1]))
    where = run(home / "bin/python", "-c", "import consoles; print(consoles.__file__)", cwd=home)
    assert where.startswith(str(home))
    return home


def names(wheel):
    return {re.sub(r"^consoles-[0-9.]+(dev\d+)?(?=\.d)", "", name)
            for name in zipfile.ZipFile(wheel).namelist()}


def test_what_is_in_the_wheel(built):
    inside = names(built.wheel)
    assert {f"consoles/web/vendor/{name}" for name in LICENCES} <= inside
    assert {".dist-info/LICENSE", ".data/data/etc/consoles/consoles.conf.sample",
            ".data/data/etc/consoles/policy.yaml.sample", "consoles/web/js/app.js",
            ".data/data/share/consoles/systemd/consoles-.service.d/10-common.conf",
            ".data/data/share/consoles/libvirt/20-libvirt.conf",
            "consoles/web/vendor/novnc/core/rfb.js"} <= inside
    assert not [name for name in inside if name.startswith(("tests/", "tools/", "benchmarks/"))]


def imported(source):
    """→ the packages whose modules a file imports, wherever in it, by their top-level names."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"consoles"}


def test_the_metadata_says_what_is_needed(built):
    inside = zipfile.ZipFile(built.wheel)
    where, = {name.partition("/")[0] for name in inside.namelist() if ".dist-info/" in name}
    package = metadata.PathDistribution(zipfile.Path(inside, f"{where}/"))
    assert set(package.metadata.get_all("Provides-Extra")) - {"test"} == EXTRAS
    named = {canonicalize_name(needed.name) for needed in map(Requirement, package.requires)
             if not (needed.marker and needed.marker.evaluate({"extra": "test"}))}
    providers = metadata.packages_distributions()
    modules = {module for name in inside.namelist() if name.endswith(".py")
               for module in imported(inside.read(name))}
    assert {"oslo_config", "libvirt", "yaml"} <= modules
    assert [module for module in modules
            if not named & {canonicalize_name(name) for name in providers.get(module, ())}] == []


def test_a_tree_without_its_history_gives_the_same_wheel(tree, built):
    wheel = build(tree, "--wheel")
    assert names(built.wheel) - names(wheel) == {".dist-info/pbr.json"}  # which commit it was
    assert names(wheel) <= names(built.wheel)
    assert wheel.name.startswith("consoles-0.0.0-")
    assert built.wheel.name.startswith("consoles-0.0.1.dev1-")


def test_the_sdist_can_be_installed(built, tmp_path):
    run(sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation",
        "--target", tmp_path, built.sdist)
    assert (tmp_path / "consoles/web/vendor/xterm/xterm.mjs").exists()
    assert list(tmp_path.glob("consoles-0.0.1.dev1*.dist-info"))


def test_without_the_pages_nothing_is_built(built, tmp_path):
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    tree, = tmp_path.iterdir()
    shutil.rmtree(tree / "consoles/web/vendor/novnc")
    done = subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--wheel"], cwd=tree,
                          capture_output=True, text=True, timeout=150)
    assert done.returncode != 0
    assert "Not here: consoles/web/vendor/novnc. `make package` makes" in done.stdout + done.stderr
    assert not list(tree.glob("dist/*"))


def test_all_in_one_serves_a_console_without_node(installed, tmp_path, page, page_errors):
    """With nothing on the PATH: no Node, and no QEMU either, so the guest is the built-in one."""
    ports = {option: free_port() for option in (
        "api.port", "vnc.novncproxy_port", "vnc.xvpvncproxy_port", "spice.html5proxy_port",
        "serial_console.serialproxy_port", "mks.mksproxy_port")}
    novnc = f"http://127.0.0.1:{ports['vnc.novncproxy_port']}/vnc_auto.html"
    config = tmp_path / "consoles.conf"
    config.write_text("".join("[{}]\n{} = {}\n".format(*name.split("."), port)
                              for name, port in ports.items())
                      + f"[vnc]\nnovncproxy_base_url = {novnc}\n")
    process = Process("all-in-one", [installed / "bin/consoles-all-in-one", "--config-file",
                                     config], tmp_path / "log", cwd=tmp_path,
                      env={"PATH": str(tmp_path), "HOME": str(tmp_path)})
    try:
        url = process.wait_line(novnc, 60).split()[-1]
        open_console(page, url)
    finally:
        process.terminate(30)
    assert "Traceback" not in process.log.read_text()
