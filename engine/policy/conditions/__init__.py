"""Conditions as functions: what a rule asks of a message, built once and asked of many."""
