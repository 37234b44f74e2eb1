"""One small Django project a peer, as its documentation says; in a virtual environment of their own."""
