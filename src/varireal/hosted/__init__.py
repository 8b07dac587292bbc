"""Models that are asked over a network: sending, answers that are kept, money, pictures, tokens."""
