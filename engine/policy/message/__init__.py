"""What a decision looks at: one patient's part of a message, what it groups and corrects."""
