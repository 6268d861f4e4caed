"""Bad luck, mixed and repeated: threads, forks, signals, full disks and hostile files."""
