"""One file per controller, and the manager that runs them."""
