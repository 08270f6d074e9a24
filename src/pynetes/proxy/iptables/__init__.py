"""The proxy mode iptables: rules as text, and the programs that take it to the kernel."""
