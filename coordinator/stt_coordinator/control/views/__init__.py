"""Queries that join several aggregates for one view: the overview, groups, parts of pages."""
