"""Step 4: probabilities and labels become numbers, pictures and one page."""
