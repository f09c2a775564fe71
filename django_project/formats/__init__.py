"""How dates are written: one form for each language. Times are UTC, as the sentences around them say."""
