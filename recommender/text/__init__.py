"""Campaign texts as vectors: frozen encoders, encoded once per content."""
