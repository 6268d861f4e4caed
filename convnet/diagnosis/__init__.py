"""Results for images, and the files they become: pictures, DICOM objects, the run log."""
