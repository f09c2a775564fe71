"""One trainer for every model that learns by gradient descent."""
