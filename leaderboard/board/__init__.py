"""The board as data: what all pages show, a pure function of records, bundles and their log."""
