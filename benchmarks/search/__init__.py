"""How good the search is: surfaces of which the truth is known, and what it finds on them."""
