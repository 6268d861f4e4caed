"""Figures of merit: intervals by patient, calibration, operating points, subgroups, DeLong's test, the model card."""
