"""What a prompt really says: its canonical form, its readings, its languages."""
