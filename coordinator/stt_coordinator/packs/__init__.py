"""Where the coordinator's packs come from, and the last good one that is kept."""
