"""The demo: a synthetic hospital, insurers on loopback, and a board that shows what went where.

It starts the same commands that a person would and reads the same store that `status` reads; none
of it runs in an engine.
"""
