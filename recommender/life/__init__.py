"""From a trained model to the one that is shown, and back."""
