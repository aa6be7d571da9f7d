"""HInt: hindsight relabelling of the episodes in which the agent acted on the target."""
