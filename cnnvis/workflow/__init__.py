"""What the command line and the window both need: from a job to a session."""
