"""Times of the coordinator: slots of the schedule, time limits, whether the clocks agree."""
