"""Django alone: LoginView and a page that asks for somebody who is signed in. One factor: the floor."""

from benchmarks.peers.projects.base import *  # noqa: F403
