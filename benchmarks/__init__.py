"""What is measured and how: each figure beside its ceiling, in the same run, on the same machine and database."""
