"""The operator's client: the command `stt`, and its commands that need neither half."""
