"""``python -m moue`` is the command ``moue``."""

from moue.cli import main

if __name__ == "__main__":
    main()
