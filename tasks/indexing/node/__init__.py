"""What speaks to nodes: the pool, what each of them can do, and the reader of every answer."""
