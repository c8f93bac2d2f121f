"""What implements the ports: SMTP, Prefect, files, the embedded PostgreSQL."""
