"""The edges: sockets, listeners, senders, processes."""
