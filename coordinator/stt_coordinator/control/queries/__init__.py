"""The verbs that only read, by what they return."""
