"""Policies and decisions told to people: why this was sent, who may receive what."""
