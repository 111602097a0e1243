"""What the API server says: lists and watches of its objects, decoded into the model."""
