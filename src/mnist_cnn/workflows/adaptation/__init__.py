"""Fine-tune a saved model on one person's labelled images."""
