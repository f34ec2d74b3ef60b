"""The pages of the people's door, one file a concern."""
