"""What was answered, kept for later, and the labels that come to it."""
