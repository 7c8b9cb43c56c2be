"""The stack: servers, load balancer and session store as processes, and the faults in them."""
