"""The HTTP server: `create_app` makes the application, `moue.serve.server` runs it."""
