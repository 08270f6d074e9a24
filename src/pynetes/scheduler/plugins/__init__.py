"""Filters and scores over the columns of the node table."""
