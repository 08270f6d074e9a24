"""PodSecurity: a namespace's labels say which pods it takes, of which it warns, which the audit log marks.

``levels`` reads the labels, ``standards`` knows the checks of a level and version, ``plugin`` acts on them.
"""
