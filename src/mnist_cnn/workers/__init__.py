"""Work in other processes: child processes that end with their parent, and a driver process for Ray clusters."""
