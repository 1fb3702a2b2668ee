"""What runs the flows: a queue with one run per object, slots that bound the work, clients built once."""
