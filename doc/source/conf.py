"""How Sphinx builds the documentation: `make docs`."""

project = "consoles"
author = "The consoles developers"
copyright = "The consoles developers"
extensions = []
html_theme = "alabaster"
html_theme_options = {"description": "Consoles of virtual machines for the users of a cloud"}
exclude_patterns = []
nitpicky = True
