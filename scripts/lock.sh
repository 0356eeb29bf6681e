#!/bin/sh
# Install all extras and the development tools in a fresh environment and write their versions.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --upgrade "pip>=25.1"
"$folder/venv/bin/python" -m pip install --quiet ".[all]" --group dev
{
    echo "# Versions that moue is developed and tested with. Written by: make lock"
    # Linux and Windows on x86-64 have tensorflow-cpu, everything else tensorflow: see pyproject.toml.
    cpu="platform_machine == 'x86_64' and sys_platform == 'linux' or platform_machine == 'AMD64'"
    other="(platform_machine != 'x86_64' or sys_platform != 'linux') and platform_machine != 'AMD64'"
    "$folder/venv/bin/python" -m pip freeze --exclude moue | sed -E \
        -e '/^tensorflow([-_]cpu)?==/{' -e "s/^tensorflow([-_]cpu)?==(.*)/tensorflow-cpu==\\2; $cpu/" -e p \
        -e "s/^tensorflow-cpu==([^;]*);.*/tensorflow==\\1; $other/" -e '}'
} > "$folder/dev.txt"
mv "$folder/dev.txt" requirements/dev.txt
