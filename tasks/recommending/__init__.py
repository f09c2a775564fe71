"""The recommender's work in the background: from the tables to the lists that pages show."""
