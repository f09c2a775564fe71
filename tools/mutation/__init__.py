"""Mutation testing: one small mistake at a time, and whether a test notices it."""
