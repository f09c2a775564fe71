"""Splits, full-ranking metrics, intervals."""
