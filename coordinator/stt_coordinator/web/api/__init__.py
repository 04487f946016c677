"""`/api/v1`: the verbs of the control service as addresses, for programs."""
