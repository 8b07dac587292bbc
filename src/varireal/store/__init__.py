"""What a study keeps: items by key in SQLite, and Parquet tables with their schemas."""
