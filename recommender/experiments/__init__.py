"""What people who measure call: evaluate, tune, compare and ablate models on a data directory."""
