"""The half that runs checks near the databases."""
