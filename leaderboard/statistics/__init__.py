"""Intervals and comparisons of values (S, E): training seeds by episodes, NaN where missing."""
