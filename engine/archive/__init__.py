"""What is done with: archive, ledger, search, accounting (docs/explanation/archive.md)."""
