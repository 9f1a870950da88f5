"""What is asked of the operating system: files that are whole, processes that end with their parent, the machine."""
