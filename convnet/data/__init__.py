"""Data: DICOM pixels (`dicom`), cohorts of labelled images (`cohort`) and the embedded study (`phantom`)."""
