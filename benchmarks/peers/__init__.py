"""The same sign-in by other people's code, by the bare framework and by ours, in interleaved rounds."""
