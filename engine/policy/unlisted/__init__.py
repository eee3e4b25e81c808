"""What arrives that nobody is sent, and whether any rule speaks of it."""
