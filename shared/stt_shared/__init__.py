"""The code that coordinator, worker and client share; it imports none of them."""
