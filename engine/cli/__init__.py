"""The `payergate` command; one module per command group."""
