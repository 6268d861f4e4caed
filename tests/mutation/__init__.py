"""Do the tests notice a wrong kernel? Each mutant is one small mistake; `python -m tests.mutation` counts."""
