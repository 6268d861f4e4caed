#!/usr/bin/env bash
# MyST-NB shows the results of an old library version: its cache looks at the notebook only.
#
# Guess    nb_execution_mode = "cache" executes again when something that the notebook uses has
#          changed.
# Seen     A page prints the value of a function in a module beside it. After the module changed,
#          sphinx-build (Sphinx 9.0.4, MyST-NB 1.4.0, jupyter-cache 1.0.1) prints the old value,
#          with -E -a and in a new output folder too.
# Why      jupyter-cache identifies a notebook by its code cells and kernel. The default cache
#          folder lies beside the output folder and survives both options.
# Cost     Documentation and papers built from notebooks show numbers that the code no longer gives,
#          and a broken example builds without error.
# Instead  Delete the .jupyter_cache folder after each change of the library, or use
#          nb_execution_mode = "force" in CI.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    sphinx==9.0.4 myst-nb==1.4.0 myst-parser==5.2.0 jupyter-cache==1.0.1 nbclient==0.11.0 \
    ipykernel==7.4.0
cat > finding.py <<'EOF'
import pathlib
import re
import shutil
import subprocess
import sys


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


docs = pathlib.Path("docs")
docs.mkdir()
(docs / "conf.py").write_text('project, extensions, nb_execution_mode = "finding", ["myst_nb"], "cache"\n')
(docs / "index.md").write_text("""---
file_format: mystnb
kernelspec:
  name: python3
---
# Result
```{code-cell} python3
import library
print("result", library.value())
```
""")


def shown(version, out):
    """Write the library, build the page anew and return the number on it."""
    (docs / "library.py").write_text(f"def value():\n    return {version}\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-a", "-b", "html", str(docs), out]
    subprocess.run(command, check=True, capture_output=True)
    return int(re.search(r"result (\d)", pathlib.Path(out, "index.html").read_text())[1])


check("version 1 of the library", shown(1, "build/html"), 1)
check("version 2, the same output folder", shown(2, "build/html"), 1)
check("version 2, another output folder", shown(2, "build/other"), 1)
shutil.rmtree("build/.jupyter_cache")
check("version 2, cache deleted", shown(2, "build/html"), 2)
EOF
venv/bin/python -m ipykernel install --prefix venv --name python3 > /dev/null 2>&1
PATH=$work/venv/bin:$PATH venv/bin/python finding.py
