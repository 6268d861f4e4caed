"""Exercises: write an operation yourself, from one sum to tiles, and have it proven or disproven."""
