"""What several agents share: networks, goal-conditioned IQL, diffusion, checkpoints."""
