"""How each kind of model is fitted to a split and to everything."""
