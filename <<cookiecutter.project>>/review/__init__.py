"""How a change of the model is judged."""
