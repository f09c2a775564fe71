"""What is compared with the chain, taken back, and read again."""
