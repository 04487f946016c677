"""Keys, and packs of checks that are built, signed, verified and inspected."""
