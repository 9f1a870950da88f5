"""What happened → words, tables and bars on the screen; nothing here computes."""
