"""The shared platform of all projects: what it is made of, and the commands that make it."""
