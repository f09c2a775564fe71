"""What follows from the chain and from time alone: listings, pledges, letters, what is forgotten."""
