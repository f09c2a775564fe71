"""From tables to integers: formats, validation, exclusion rules, snapshots, interactions."""
