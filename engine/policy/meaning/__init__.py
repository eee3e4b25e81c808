"""What a policy means, however it is spelt: its revision, and what it lets go to whom."""
