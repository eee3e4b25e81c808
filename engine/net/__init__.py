"""The edges: sockets, listeners, senders, processes. The only packages that import Twisted."""
