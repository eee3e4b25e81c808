"""A lazy view over the bytes of an HL7 v2 message. Pure: no I/O, no clock, no schema in the way."""
