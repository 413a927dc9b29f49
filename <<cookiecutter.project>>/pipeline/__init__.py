"""What the model is: from the source to its predictions, one module per stage."""
