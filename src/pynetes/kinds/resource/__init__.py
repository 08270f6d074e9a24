"""The kinds of the resource group."""
