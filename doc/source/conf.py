"""How Sphinx builds the documentation: `make docs`."""

import pathlib

# openstackdocstheme asks git when a page was written, and warns where nobody knows.
HISTORY = (pathlib.Path(__file__).parents[2] / ".git").exists()

project = "consoles"
author = "The consoles developers"
copyright = "The consoles developers"
extensions = ["openstackdocstheme"] if HISTORY else []
html_theme = "openstackdocs" if HISTORY else "alabaster"
html_title = "consoles"
openstackdocs_auto_name = False
exclude_patterns = []
html_static_path = ["_static"]
html_css_files = ["tables.css"]
nitpicky = True
