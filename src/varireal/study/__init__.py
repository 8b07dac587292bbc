"""A study as a whole: where its files are, which jobs it has, and what each of them needs."""
