"""MLLP framing, sans-IO (HL7 v2 transport, Release 1)."""
