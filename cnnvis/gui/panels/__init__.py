"""The parts beside the picture: outline, findings, details, history."""
