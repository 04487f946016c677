"""Results kept until the coordinator's store has them."""
