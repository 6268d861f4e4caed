"""The quiz: questions whose numbers are drawn, and whose keys our kernels compute."""
