"""What is wrong with data that are imported."""

from __future__ import annotations


class SourceDefect(UserWarning):
    """Something is wrong with the data that were imported. `what` it is, and the `fix`."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}: {fix}.")
        self.what, self.fix = what, fix
