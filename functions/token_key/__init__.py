"""Makes the key of the tokens, inside the secret store, so that it is in no code and in no state."""
