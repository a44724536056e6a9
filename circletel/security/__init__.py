"""What stands at the door of every page: content policy, second factor, who logged in, who was given what."""
