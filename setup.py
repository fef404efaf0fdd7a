"""setup.cfg says it all but this: a package without its pages is no package, and a tree without
its history has no version of its own."""

import os
import pathlib
import shutil
import subprocess
import sys

import setuptools

#: Made, not committed, and part of what is given away.
MADE = ("consoles/web/vendor/novnc", "consoles/web/vendor/spice", "consoles/web/vendor/xterm",
        "etc/consoles/consoles.conf.sample", "etc/consoles/policy.yaml.sample")

missing = [path for path in MADE if not pathlib.Path(path).exists()]
if missing and {"sdist", "bdist_wheel"} & set(sys.argv):
    raise SystemExit(f"Not here: {', '.join(missing)}. `make package` makes and packs them; "
                     "tools/pages and tools/samples only make them.")
git = shutil.which("git")
has_version = pathlib.Path("PKG-INFO").exists() or git and subprocess.run(  # noqa: S603
    [git, "rev-parse", "HEAD"], capture_output=True, check=False).returncode == 0
if not has_version:
    os.environ.setdefault("PBR_VERSION", "0.0.0")
setuptools.setup(setup_requires=["pbr>=6.1.1"], pbr=True)
