"""What the predictions say, with their uncertainty: accuracies, paired differences, equivalence, power. No files."""
