"""The tasks of a coordinator, one file each."""
