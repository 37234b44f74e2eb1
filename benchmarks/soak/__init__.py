"""A thousand people sign in while everything fails in turn."""
