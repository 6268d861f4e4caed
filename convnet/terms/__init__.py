"""The same program term by term: every number of a network taken apart, forward and backward."""
