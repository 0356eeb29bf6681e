"""The batch job over files, folders and videos."""
