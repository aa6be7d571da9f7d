"""NCII: who acted on whom, by asking a model what would have happened without."""
