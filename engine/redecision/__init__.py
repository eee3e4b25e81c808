"""Deciding again: what waited, what was parked, and what was cut under facts that have changed."""
