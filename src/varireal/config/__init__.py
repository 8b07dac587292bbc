"""The config: strict models, one file per top-level key; everything else that is said of it is generated from them."""
