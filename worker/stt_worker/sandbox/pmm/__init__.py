"""Scripts of PMM: run here as on Go's Starlark."""
