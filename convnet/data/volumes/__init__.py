"""Volumes, from NIfTI, NRRD and MetaImage files: numbers on a grid with a place in the patient, and their slices."""
