"""Where a release runs, and what its repository is like: declared with cdktf, for terraform."""
