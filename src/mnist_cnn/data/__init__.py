"""Step 1, loading and preprocessing: any source becomes uint8 images and labels."""
