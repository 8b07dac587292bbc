"""What every model backend gives on tiny models, kept as files; ``make.py`` writes them anew."""
