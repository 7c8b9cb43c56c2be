"""The stack: real replicas, a real balancer, a real store, and nothing left of them afterwards."""
