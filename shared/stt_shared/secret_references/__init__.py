"""References to secrets: a file, a variable, a credential of systemd, the output of a program."""
