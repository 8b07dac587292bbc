"""Looking at a study from outside: what it will take, how far it is, what would run again and why."""
