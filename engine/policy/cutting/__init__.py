"""One channel's copy: the plan that the rules add up to, the cut, and what goes along."""
