"""What every API object shares: resources, encodings, errors, selectors, schemas, patches. Pure: no I/O, no clock."""
