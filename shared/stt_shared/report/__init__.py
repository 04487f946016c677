"""Reports and replies as text, tables and files."""
