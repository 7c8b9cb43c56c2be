"""Where conversations come from: a script, a .http file, a HAR file, an OpenAPI document."""
