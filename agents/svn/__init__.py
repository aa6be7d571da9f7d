"""SVN: values of teams through a mixer, with residuals divided by how far values spread."""
