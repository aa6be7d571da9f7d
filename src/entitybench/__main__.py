"""`python -m entitybench` is `bench`."""

from entitybench.leaderboard.cli.main import main

if __name__ == "__main__":
    main()
