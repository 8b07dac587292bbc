"""Models by name: where they are, loading them, and the device they run on."""
