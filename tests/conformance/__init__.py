"""One suite over every cloud: what a cloud must be like to be a cloud of the pattern.

`test_structure.py` asks for the shapes and names that all stages share, and is all that a cloud which is being
written has to pass; `test_security.py` asks how data is kept, in the words of `described/<cloud>.py`.
A cloud joins by being registered in `settings.CLOUDS`.
"""
