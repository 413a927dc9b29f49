"""How a model answers: one release, held in memory, behind HTTP."""
