"""Where pull requests live: GitHub, and a bare repository with act as its runner."""
