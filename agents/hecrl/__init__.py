"""HECRL: entity-centric IQL guided by subgoals from a diffusion model (ICLR 2026)."""
