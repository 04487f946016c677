"""Servers of our own on loopback, for the demo, stand-alone use and tests."""
