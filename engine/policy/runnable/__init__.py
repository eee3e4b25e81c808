"""What of a policy is settled for a message type before a message comes."""
