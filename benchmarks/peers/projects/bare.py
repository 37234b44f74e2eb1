"""Django alone: LoginView and a page for signed-in people. One factor: the baseline."""

from benchmarks.peers.projects.base import *  # noqa: F403
