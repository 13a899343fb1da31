"""The inside of a worker process: a job in, a report out."""
