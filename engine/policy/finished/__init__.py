"""What a finished copy is asked before it may leave: whether it leaks, is whole, is wider."""
