"""Sessions in Redis or Valkey: one server, a cluster, or a primary behind sentinels."""
