"""What only Azure's host of functions needs: the entry that it looks for, and how it is to run it."""
