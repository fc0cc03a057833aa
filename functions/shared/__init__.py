"""What several functions need: the landed record, the kinds of personal data, and their protection."""
