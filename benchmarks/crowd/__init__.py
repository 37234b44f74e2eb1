"""A crowd that signs in, and the load that it puts on each part of an installation."""
