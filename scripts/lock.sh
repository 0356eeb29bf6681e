#!/bin/sh
# Resolve all extras and the development tools in a fresh environment and write the versions found.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --upgrade "pip>=25.1"
"$folder/venv/bin/python" -m pip install --quiet ".[all]" --group dev
{
    echo "# Versions that moue is developed and tested with. Written by: make lock"
    "$folder/venv/bin/python" -m pip freeze --exclude moue
} > "$folder/dev.txt"
mv "$folder/dev.txt" requirements/dev.txt
