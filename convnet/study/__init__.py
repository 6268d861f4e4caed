"""From a recipe to a trained and measured model, and what its file records."""
