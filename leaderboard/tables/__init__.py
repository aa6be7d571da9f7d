"""Records become tables, comparisons and plots here; nothing else is read."""
