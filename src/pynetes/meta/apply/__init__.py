"""Field management: who owns which field of an object, and the merge of what several appliers want of it.

Pure. ``schema`` says how the values of a type belong together; ``fields`` are sets of fields, in the form in which
objects carry them; ``compare``, ``extract``, ``validate``, ``merge`` and ``remove`` walk values along a schema;
``managers`` is what ``metadata.managedFields`` says; ``updater`` gives and takes ownership; ``fieldmanager`` does it
for whole objects; ``scale`` carries it from a workload to its scale and back.
"""
