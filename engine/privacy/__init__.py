"""What is known of patients when a message is decided: facts, and the ports that supply them."""
