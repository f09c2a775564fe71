"""The registry of runs: trained models as files, the gates before one is shown, and which one is live."""
