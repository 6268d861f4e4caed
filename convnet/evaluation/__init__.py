"""Metrics with intervals by patient, calibration, operating points, subgroups, and DeLong's test."""
