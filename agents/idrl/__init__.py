"""IDRL: dual reinforcement learning in iterations, each on what the last one kept."""
