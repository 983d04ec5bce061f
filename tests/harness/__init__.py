"""Real processes for the tests: Redis, workers, nginx with the module, and clients for them.

Everything listens on loopback or unix sockets in a directory of its own, is ended by pid, and
leaves its logs behind when a test fails. Waiting is always for a condition with a deadline.
"""
