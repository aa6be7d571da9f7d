"""Suites: tasks × datasets × training seeds × episodes, evaluated and tabled as one."""
