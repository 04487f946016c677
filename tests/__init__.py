"""Tests, named as guarantees, by what they need: nothing, a contract, a server, everything."""
