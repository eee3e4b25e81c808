"""Tests beside the rules: suites, what they may expect, and which rules they exercised."""
