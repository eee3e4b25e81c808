"""Lanes: one ordered way to one channel, with retry, parking and pause."""
