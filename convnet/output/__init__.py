"""Files and displays: CSV, HTML, figures, progress; files are written whole or not at all."""
