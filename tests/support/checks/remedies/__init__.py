"""Remediations executed on a MySQL or MariaDB server that is in use."""
