"""The least account that suffices for a choice of checks, written as statements."""
