"""`python -m entitybench` is `bench`."""

import sys

if __name__ == "__main__":
    try:
        from entitybench.leaderboard.cli.main import main

        code = main()
    except KeyboardInterrupt:  # before `main` could catch it
        sys.stderr.write("bench: interrupted.\n")
        code = 130
    sys.exit(code)
