"""How the CLIP of the package was made: rendered pairs of pictures and captions, and contrastive training."""
