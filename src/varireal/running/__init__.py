"""What a job needs of its machine: to stop in good order, room on the disk, a GPU, and a folder of its own."""
