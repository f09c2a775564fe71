"""Settings: of models, of training, of searches. Nothing here knows a model."""
