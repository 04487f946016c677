"""The half that plans runs, takes in results and tells people."""
