"""What one policy discloses that another does not: by meaning, and over messages received."""
