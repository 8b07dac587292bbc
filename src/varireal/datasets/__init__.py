"""Where photos come from and how they are looked at before a study uses them."""
