"""Staff: who they are, what they may do, and how they prove it (a password and a second factor)."""
