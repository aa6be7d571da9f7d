"""Pages of the board: pure functions of it, for the static export and for a server alike."""
