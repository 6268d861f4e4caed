"""Untrusted files, read by worker processes with limits."""
