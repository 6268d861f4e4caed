"""What is shown and written: files that are whole or absent, tables, pages, progress."""
