"""From ranges of blocks to committed rows: fetch, match, commit."""
