"""What every folder above builds on: files, paths, seeds, pictures, processes, versions, the registry of backends."""
