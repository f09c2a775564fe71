"""From scores to what is shown: lists with reasons, similar items, audiences."""
