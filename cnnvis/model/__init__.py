"""What the user thinks about: immutable values; numpy and the standard library only."""
