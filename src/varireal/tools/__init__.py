"""Commands that look at a study, plan it or mend it; no stage is run by them."""
