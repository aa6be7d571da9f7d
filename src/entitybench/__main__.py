"""`python -m entitybench` is `bench`."""

import sys

from entitybench.leaderboard.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
