"""The loop that follows a chain, and what operators see of it and do by hand."""
