"""Games between trained agents: everybody against everybody, from the same starts."""
