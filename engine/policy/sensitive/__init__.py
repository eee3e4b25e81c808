"""Which segments carry sensitive content, and which statutes of a site protect it."""
