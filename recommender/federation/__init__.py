"""Platforms that learn together and show each other no behaviour: federated averaging of `pfcr`'s network."""
