"""Reading a site: config.yaml, channels/, rules/, with every problem found at once."""
