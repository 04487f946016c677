"""Runs the scripts of checks within limits: a port and its adapter."""
