"""Pages that people read: the gallery of a study, with its funnel and its provenance."""
