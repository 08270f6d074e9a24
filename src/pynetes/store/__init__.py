"""The revisioned store: etcd's model behind one async Protocol of bytes and integers."""
