"""Looking inside a model: what it is made of and what it costs."""
