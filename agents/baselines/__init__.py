"""The agents that the methods are compared with."""
