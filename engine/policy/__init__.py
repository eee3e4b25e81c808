"""What each channel may receive: the rules language, its compiled form, and the cut. Pure."""
