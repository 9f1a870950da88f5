"""Tables, boxes and forms become rows of values."""
