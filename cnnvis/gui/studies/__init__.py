"""What a user measures or defines while looking: one subject per file, each with its commands."""
