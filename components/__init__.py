"""The components that the lake is made of."""
