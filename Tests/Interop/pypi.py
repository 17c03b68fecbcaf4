"""Packages from PyPI for a test: installed into a virtual environment of its own, in which the test then runs."""

import importlib.util
import os
import subprocess
import sys
import tempfile

from martlet import finish, skip


def need(package, module):
    """Returns when `module` can be imported; otherwise runs the program again where it can, and exits as that did."""
    if importlib.util.find_spec(module) is not None:
        return
    name = os.path.basename(sys.argv[0]).removesuffix("_test.py")
    if os.environ.get("MARTLET_PYPI"):
        skip(name, f"{package} cannot be imported")
        finish()
    with tempfile.TemporaryDirectory(prefix="martlet-pypi.") as directory:
        try:
            subprocess.run([sys.executable, "-m", "venv", directory], check=True, capture_output=True, timeout=120)
            subprocess.run([f"{directory}/bin/pip", "install", "--quiet", "--disable-pip-version-check", package],
                           check=True, capture_output=True, timeout=180)
        except (subprocess.SubprocessError, OSError) as error:
            reason = (getattr(error, "stderr", None) or str(error).encode()).decode(errors="replace").strip().splitlines()
            skip(name, f"{package} could not be installed from PyPI: {reason[-1] if reason else error}")
            finish()
        status = subprocess.run([f"{directory}/bin/python", *sys.argv], env=dict(os.environ, MARTLET_PYPI="1")).returncode
    sys.exit(status)
