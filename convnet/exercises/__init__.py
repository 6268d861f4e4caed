"""Exercises: write an operation yourself, from one sum to tiles and a GPU, and have it proven or disproven."""
