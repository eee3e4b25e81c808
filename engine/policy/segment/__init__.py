"""What is left of one segment: masks, sets of fields and components, and the cut to one."""
