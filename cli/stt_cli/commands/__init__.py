"""The commands of the operator's client, one file a noun."""
