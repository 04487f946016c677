"""The ledger in SQL, for every database that the store may be in; queries/ has its statements."""
