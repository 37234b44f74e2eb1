"""A thousand people sign in while everything breaks."""
