"""Classifiers: CLIP, fine-tuned with LoRA."""
