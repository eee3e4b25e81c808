"""Acknowledgments: the codes, how ours are built, how a payer's are read. Tables first; pure."""
