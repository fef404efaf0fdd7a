"""`make docs`: each page is built without a warning, with what is made of options and of code."""

import shutil

import pytest

from tests.e2e.test_wheel import make_history
from tests.e2e.test_wheel import NOT_COPIED
from tests.e2e.test_wheel import ROOT
from tests.e2e.test_wheel import run


@pytest.mark.timeout(300)
def test_the_documentation_is_built_without_a_warning(tmp_path):
    """In a copy: what is made must not appear among the pages that other tests read."""
    tree = tmp_path / "consoles"
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    shutil.rmtree(tree / "doc/source/reference", ignore_errors=True)
    (tree / "tests").symlink_to(ROOT / "tests")  # pages show some of their code
    make_history(tree)
    run(tree / "tools/docs", PYTHON=str(ROOT / "build/docs/bin/python"), timeout=280)
    html = tree / "build/html"
    assert {"index.html", "install/three-nodes.html", "reference/api.html",
            "reference/release-notes.html"} <= {
                str(path.relative_to(html)) for path in html.rglob("*.html")}
