"""The unit in which memory travels between the caches."""

LINE = 64  # bytes: a vector that straddles two lines costs two reads
