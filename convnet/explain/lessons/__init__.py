"""The lesson: one page that shows every number of a network and how it came about."""
