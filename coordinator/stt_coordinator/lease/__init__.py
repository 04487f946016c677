"""The lease by which one coordinator acts: its port, adapters, and the fence in what it writes."""
