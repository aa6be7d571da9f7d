"""The `bench` command: arguments in, one function call, a table or JSON out."""
