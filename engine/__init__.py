"""payergate: an HL7 v2 interface engine between a hospital and its insurers."""

__version__ = "0.1.0"
