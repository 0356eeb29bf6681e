"""Time and memory to read fer2013.csv: moue against two common tutorial snippets, each in its own process.

    python benchmarks/read_csv.py fer2013.csv

Prints the CPU seconds and peak memory of each. The snippets need pandas.
"""

from __future__ import annotations

import subprocess
import sys

PREPARE = "import os, resource, sys, tempfile; import numpy as np; path = sys.argv[1]\n"
REPORT = """
used = resource.getrusage(resource.RUSAGE_SELF)
print(images.shape, f"{used.ru_utime + used.ru_stime:.2f}", f"{used.ru_maxrss / 1024:.0f}")
"""
LOAD = "from moue.data.load import load_fer2013\n"
WAYS = {
    "moue, first reading": LOAD + "images = load_fer2013(path, use_cache=False).images",
    "moue, from its cache": LOAD + "images = load_fer2013(path).images",
    "pandas + np.fromstring per row": (
        "import pandas as pd, warnings; warnings.simplefilter('ignore'); table = pd.read_csv(path)\n"
        "images = np.stack([np.fromstring(text, np.uint8, sep=' ') for text in table['pixels']]).reshape(-1, 48, 48, 1)"
    ),
    "pandas + list of ints per row": (
        "import pandas as pd; table = pd.read_csv(path)\n"
        "images = np.array([[int(word) for word in text.split(' ')] for text in table['pixels']], np.float32)\n"
        "images = images.reshape(-1, 48, 48, 1)"
    ),
}


def main() -> None:
    """Run each way and print a table."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    # Fill the cache first, so that "from its cache" really reads it.
    subprocess.run([sys.executable, "-c", f"{PREPARE}{LOAD}load_fer2013(path)", path], check=True)
    print(f"{'way':34} {'CPU s':>8} {'peak MB':>8}  shape")
    for name, code in WAYS.items():
        command = [sys.executable, "-c", PREPARE + code + REPORT, path]
        shape, seconds, megabytes = subprocess.check_output(command, text=True).rsplit(maxsplit=2)
        print(f"{name:34} {seconds:>8} {megabytes:>8}  {shape}")


if __name__ == "__main__":
    main()
