"""`bench plot`: pictures of records and of training curves."""
