"""Policies that make datasets.

A behaviour is made as `Behaviour(task, **behaviour_kwargs)`. Beside what every policy has
(`initial_state`, `act`) it may have

* `labels(state) -> {name: (B,)}`: what is true of a whole episode, after its first step;
* `flags(state) -> {name: (B,) uint8}`: what is true of the action just chosen.

Labels and flags are for analysis: no observation shows them. All rows of a batch begin together,
each with a random generator of its own, so no row depends on the rows beside it.
"""
