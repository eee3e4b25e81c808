"""From a received payload to its acknowledgment: what is stored of it before it is answered."""
