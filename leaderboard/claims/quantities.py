"""What a quantity of a claim came to: `find(quantity, results)`.

A quantity of another package registers its function with `find.register`.
"""

from __future__ import annotations

# Imported for what they register.
from entitybench.leaderboard.claims import of_arms, of_quantities
from entitybench.leaderboard.claims.finding import Results, find

__all__ = ["Results", "find", "of_arms", "of_quantities"]
