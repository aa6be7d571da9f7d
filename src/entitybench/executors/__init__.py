"""Where work is done: in processes here, on a Slurm cluster, or by Ray. A job is JSON."""
